#!/bin/sh
# Keep a file of all datasets up to date. For cron, which mails what a command prints:
#
#     17 3 * * *  /opt/nightly.sh /data/datasets.parquet --fields id,title,resources
#
# Nothing is printed if all is well. Otherwise two lines on stderr: the last one of the log, which is
# beside the file, and what to do. The exit status is that of the harvest. After a failure, the next
# run continues or repeats the harvest; the file stays as it was until it can be replaced as a whole.
set -u
file=${1:?usage: nightly.sh FILE [OPTION OF THE HARVEST]...}
shift

aiodatagouv harvest datasets -o "$file" --since last "$@" 2>>"$file.log"
status=$?
case $status in
0) exit 0 ;;
1) advice="the next run tries again: act if it fails as well" ;;
2) advice="the command is wrong: no run will succeed before it is corrected" ;;
3) advice="items are missing: see the reason" ;;
4) advice="the file is up to date but for what the portal cannot send" ;;
130 | 143) advice="it was stopped: the next run continues" ;;
*) advice="it was killed, or has a bug: see the log" ;;
esac
tail -n 1 "$file.log" >&2
echo "nightly.sh: $file: status $status: $advice" >&2
exit "$status"
