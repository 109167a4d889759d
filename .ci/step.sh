#!/bin/sh
# Runs a command: prints first what it does, and at the end how long that took.
#
#     .ci/step.sh "installing .venv" command argument ...
said=$1
shift
echo "==> $said ..."
start=$(date +%s)
"$@"
status=$?
seconds=$(($(date +%s) - start))
if [ "$status" -eq 0 ]; then
    echo "==> $said: done in $seconds s"
else
    echo "==> $said: failed after $seconds s, status $status" >&2
fi
exit "$status"
