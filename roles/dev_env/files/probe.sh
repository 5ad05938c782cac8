#!/bin/sh
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tells what a server is and has, as lines of KEY=VALUE. Changes nothing, and needs neither Python nor root.
#
#   probe.sh [INTERPRETER] [PREFIX]     INTERPRETER: the inventory's, looked at first; PREFIX: where ours would be
set -eu

interpreter=${1:-}
prefix=${2:-/usr/local}
LC_ALL=C
export LC_ALL

# What a session finds by itself is what Ansible's own search finds; the rest of the places is for us only.
session_path=${PATH:-}
PATH=$session_path:$prefix/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

say() {
    printf '%s=%s\n' "$1" "$2"
}

in_session() {
    PATH=$session_path
    command -v "$1" || :
}

release() {
    # Another file can be given by tests only.
    file=${DEV_ENV_OS_RELEASE:-/etc/os-release}
    [ -r "$file" ] || return 0
    # shellcheck disable=SC1090
    (
        set +u
        . "$file"
        say ID "$ID"
        say VERSION_ID "$VERSION_ID"
        say PRETTY_NAME "$PRETTY_NAME"
    )
}

# A Python without ssl or zlib was built without their headers, and one that does not start may be half installed.
version_of() {
    timeout -k 5 30 "$1" -I -c '
import sys
sys.version_info >= (3, 9) or sys.exit(1)
import hashlib, json, ssl, zlib
hashlib.sha256(json.dumps({}).encode()).hexdigest()
print("%d.%d.%d" % sys.version_info[:3])
' 2>/dev/null </dev/null
}

found=
look_at() {
    [ -x "$1" ] && [ ! -d "$1" ] || return 0
    say CANDIDATE "$1"
    [ -z "$found" ] || return 0
    if version=$(version_of "$1") && [ -n "$version" ]; then
        found=$1
        say PYTHON "$found"
        say PYTHON_VERSION "$version"
        on_path=$(in_session "${found##*/}")
        if [ "$on_path" = "$found" ]; then say PYTHON_ON_PATH true; else say PYTHON_ON_PATH false; fi
    fi
}

# What the inventory names is what Ansible will use, whatever else there is.
look_at_named() {
    case $interpreter in
    '' | auto | auto_*) return 0 ;;
    # With options behind it.
    *' '*) [ -x "$interpreter" ] || return 0 ;;
    esac
    case $interpreter in
    /*) named=$interpreter ;;
    *) named=$(in_session "$interpreter") ;;
    esac
    say NAMED "$interpreter"
    if [ -z "$named" ] || [ ! -x "$named" ] || [ -d "$named" ]; then
        say NAMED_PROBLEM 'is not there'
        return 0
    fi
    look_at "$named"
    if [ -z "$found" ]; then
        said=$(timeout -k 5 30 "$named" -c '
import sys
old = sys.version_info < (3, 9)
print("is Python %d.%d.%d, %s" % (sys.version_info[:3] + ("and 3.9 is the oldest that serves" if old else "without ssl or zlib",)))
' 2>/dev/null </dev/null) || said=
        say NAMED_PROBLEM "${said:-does not start}"
    fi
}

# That there is one says nothing: it may ask for a password, or know nothing of this account.
ask_sudo() {
    [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null || return 0
    if said=$(timeout -k 2 20 sudo -n true 2>&1 </dev/null); then
        say SUDO_WORKS true
    else
        say SUDO_SAID "$(printf '%s\n' "$said" | tail -n 1)"
    fi
}

release
say UID "$(id -u)"
say SUDO "$(command -v sudo || :)"
ask_sudo
say LLVM "$(command -v llvm-config-3.9 || :)"

look_at_named
for directory in "$prefix/bin" /usr/local/bin /usr/bin; do
    for minor in 9 10 11 12 13 14; do
        look_at "$directory/python3.$minor"
    done
done
python3=$(in_session python3)
case $python3 in
/*) look_at "$python3" ;;
esac
say PROBE complete
