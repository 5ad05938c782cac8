#!/bin/sh
# Finds a Python for the controller and prints its path. Anything that is missing is named on stderr, with the package that
# has it, before anything else happens.
#
#   prerequisites.sh [WANTED] [NEWEST] [OLDEST]
#                                          WANTED: an interpreter to use instead of looking for one; NEWEST: 14 for Python 3.14,
#                                          the newest that is tested; a newer one is taken with a warning, where there is no other
set -u
# Where other programs have their libraries; with these no Python here would find its own.
unset PYTHONHOME PYTHONPATH

wanted=${1:-}
newest=${2:-14}
oldest=${3:-10}

give_up() {
    printf '%s\n' "$1" >&2
    exit 1
}

# A version manager may put a command on PATH that exists and does not run, so each candidate is tried.
minor_of() {
    "$1" -c 'import sys; print(sys.version_info[1] if sys.version_info[0] == 3 else 0)' 2>/dev/null
}

usable() {
    minor=$(minor_of "$1") && [ -n "$minor" ] && [ "$minor" -ge "$oldest" ] && [ "$minor" -le "$newest" ]
}

newer() {
    minor=$(minor_of "$1") && [ -n "$minor" ] && [ "$minor" -gt "$newest" ]
}

[ -r /proc/self/stat ] || give_up "This needs Linux: processes are identified through /proc, and there is none here."

python=
if [ -n "$wanted" ]; then
    minor_of "$wanted" >/dev/null || give_up "PYTHON=$wanted does not run; give a Python 3.$oldest to 3.$newest."
    usable "$wanted" || newer "$wanted" || give_up "PYTHON=$wanted is Python 3.$minor; a Python 3.$oldest to 3.$newest is needed."
    python=$wanted
else
    minor=$newest
    candidates=python3
    while [ "$minor" -ge "$oldest" ]; do
        candidates="$candidates python3.$minor"
        minor=$((minor - 1))
    done
    for candidate in $candidates; do
        if usable "$candidate"; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ] && newer python3; then
        python=python3
    fi
    [ -n "$python" ] || give_up "No Python 3.$oldest to 3.$newest was found (python3 is $(python3 --version 2>/dev/null || echo missing)). Install one: 'apt install python3 python3-venv' on Debian and Ubuntu, 'dnf install python3' on Fedora; or name one with 'make PYTHON=/path/to/python3.12'."
fi

version="3.$(minor_of "$python")"
if newer "$python"; then
    echo "Python $version is newer than what this is tested with (3.$oldest to 3.$newest); it may work all the same." >&2
fi
"$python" -c 'import venv, ensurepip' 2>/dev/null || give_up "Python $version cannot make virtual environments. Install 'python$version-venv' (apt install python$version-venv) on Debian and Ubuntu, 'python3-pip' (dnf install python3-pip) on Fedora."
"$python" -c 'import ssl, zlib' 2>/dev/null || give_up "Python $version was built without ssl or zlib, which pip needs. Install the Python of your distribution: 'apt install python3 python3-venv'."
command -v "$python"
