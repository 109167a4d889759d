#!/bin/sh
# Keep a file of all datasets up to date. For cron, which mails what a command prints:
#
#     17 3 * * *  /opt/nightly.sh /data/datasets.parquet --fields id,title,resources
#
# Nothing is printed if all is well. Otherwise two lines on stderr: the last one of the log, and what
# to do. The log is beside the file, or where LOG= says; a file in a store (s3://...) needs LOG=. The
# exit status is that of the harvest, or 1 if the log cannot be written. After a failure, the next run
# continues or repeats the harvest; the file stays as it was until it can be replaced as a whole.
set -u
file=${1:?usage: nightly.sh FILE [OPTION OF THE HARVEST]...}
shift
case $file in
*://*) log=${LOG:?a file in a store needs LOG=/path/of/the/log} ;;
*) log=${LOG:-$file.log} ;;
esac
# In a subshell: if this redirection failed in the next command, its status would be the shell's own.
if ! (: >>"$log") 2>/dev/null; then
    echo "nightly.sh: $file: status 1: $log cannot be written: nothing was harvested" >&2
    exit 1
fi

aiodatagouv harvest datasets -o "$file" --since last "$@" 2>>"$log"
status=$?
case $status in
0) exit 0 ;;
1) advice="the next run tries again: act if it fails as well" ;;
2) advice="the command is wrong: no run will succeed before it is corrected" ;;
3) advice="items are missing: see the reason" ;;
4) advice="the file is up to date but for what the portal cannot send" ;;
130 | 143) advice="it was stopped: the next run continues" ;;
127) advice="aiodatagouv is not in the PATH" ;;
*) advice="it was killed, or has a bug: see the log" ;;
esac
tail -n 1 "$log" >&2
echo "nightly.sh: $file: status $status: $advice" >&2
exit "$status"
