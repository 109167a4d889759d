#!/bin/sh
# Bring a file of all datasets up to date: the job of the container image in this folder.
#
#     job.sh [OPTION OF THE HARVEST]...
#
# FILE is the file, /data/datasets.parquet by default; DATAGOUV_PORTAL and DATAGOUV_API_KEY are those
# of the client. The last line on stderr says what has changed. The exit status tells a scheduler
# what to do:
#
#     0         the file is up to date
#     1         the portal, the network or the disk failed: run it again; if it stays, read the error:
#               the file may be of a harvest with other options
#     2         the command is wrong: do not run it again before it is corrected
#     3         items are missing: run it again, and read the reason if it stays
#     4         up to date but for objects that the portal cannot send: running it again does not help
#     130, 143  it was stopped: run it again, and it continues
#
# The file is replaced as a whole or not at all, whatever the status.
set -eu
file=${FILE:-/data/datasets.parquet}

# The harvest takes the place of the shell, so that it gets the signal that ends a container.
exec aiodatagouv harvest datasets -o "$file" --since last --skip-broken "$@"
