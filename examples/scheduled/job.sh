#!/bin/sh
# Bring a file of all datasets up to date: the job of the container image in this folder.
#
#     job.sh [OPTION OF THE HARVEST]...
#
# FILE is the file, /data/datasets.parquet by default; DATAGOUV_PORTAL and DATAGOUV_API_KEY are those
# of the client. The last line of the log, on stderr, says what has changed. The exit status tells a
# scheduler what to do:
#
#     0         the file is up to date, maybe but for objects that the portal cannot send
#     1         the portal, the network or the disk failed: run it again
#     2         the command is wrong: do not run it again before it is corrected
#     3         items are missing: run it again, and read the reason if it stays
#     130, 143  it was stopped: run it again, and it continues
#
# The file is replaced as a whole or not at all, whatever the status.
set -u
file=${FILE:-/data/datasets.parquet}

# The shell waits for the harvest, and passes on the signal that ends a container.
aiodatagouv harvest datasets -o "$file" --since last --skip-broken "$@" &
harvest=$!
trap 'kill -TERM "$harvest"' TERM INT
wait "$harvest"
status=$?
# A signal interrupts the wait: the harvest then ends by itself, with its own status.
while kill -0 "$harvest" 2>/dev/null; do
    wait "$harvest"
    status=$?
done
# Objects that the portal cannot send are named in the log, and no retry brings them.
[ "$status" -eq 4 ] && exit 0
exit "$status"
