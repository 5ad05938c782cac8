#!/bin/sh
# Makes a virtual environment from a lock, or completes one whose installation was interrupted.
#
#   environment.sh PYTHON DIRECTORY LOCK
set -eu

python=$1
directory=$2
lock=$3

# Written last: whatever was interrupted is done again, and so is what was made from another lock or by another Python.
stamp="$directory/.complete"
state=$("$python" -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest(), sys.version.split()[0])' "$lock")
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ] && "$directory/bin/python" -c '' 2>/dev/null; then
    exit 0
fi

echo "Installing the tools of the controller into $directory (once, about a minute) ..."
rm -f "$stamp"
if ! "$directory/bin/python" -c 'import sys; sys.exit(sys.version.split()[0] != sys.argv[1])' "${state#* }" 2>/dev/null; then
    rm -rf "$directory"
    "$python" -m venv "$directory"
fi
"$directory/bin/python" -m pip --quiet --disable-pip-version-check install --require-hashes --no-deps --requirement "$lock"
printf '%s' "$state" >"$stamp"
echo "Installed."
