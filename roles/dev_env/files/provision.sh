#!/bin/sh
# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Installs packages, or one program from an archive, on a server that need not have Python.
#
#   provision.sh packages mode=apply lock_timeout=600 timeout=1800 -- git make 'curl|wget'
#   provision.sh archive mode=apply name=python version=3.9.25 url=https://... sha256=... prefix=/usr/local \
#       lock_timeout=600 download_timeout=900 timeout=3600 -- --with-ensurepip=no
#
# mode=plan changes nothing. The last word of what it did, or would do, is a line CHANGED=true or CHANGED=false.
# It can be interrupted anywhere and run again: the program itself is put in its place by the very last rename.
set -eu

LC_ALL=C
DEBIAN_FRONTEND=noninteractive
export LC_ALL DEBIAN_FRONTEND
umask 022

action=${1:-}
shift
mode=plan
name=
version=
url=
sha256=
prefix=/usr/local
lock_timeout=600
download_timeout=900
timeout=3600
while [ $# -gt 0 ]; do
    case $1 in
    mode=*) mode=${1#*=} ;;
    name=*) name=${1#*=} ;;
    version=*) version=${1#*=} ;;
    url=*) url=${1#*=} ;;
    sha256=*) sha256=${1#*=} ;;
    prefix=*) prefix=${1#*=} ;;
    lock_timeout=*) lock_timeout=${1#*=} ;;
    download_timeout=*) download_timeout=${1#*=} ;;
    timeout=*) timeout=${1#*=} ;;
    --)
        shift
        break
        ;;
    *)
        printf 'unknown argument: %s\n' "$1" >&2
        exit 2
        ;;
    esac
    shift
done
PATH=$prefix/bin:${PATH:-}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

# On standard output, since Ansible's session has a terminal, where both are one; the sentence, and what belongs to it after it.
fail() {
    printf 'PROBLEM=%s\n' "$1"
    exit 1
}

finish() {
    printf 'CHANGED=%s\n' "$1"
    exit 0
}

# --- packages -----------------------------------------------------------------------------------------------------------

is_installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# Says the first of a|b|c unless one of them is there.
missing_of() {
    rest=$1
    while [ -n "$rest" ]; do
        if is_installed "${rest%%|*}"; then return 0; fi
        case $rest in
        *'|'*) rest=${rest#*|} ;;
        *) rest= ;;
        esac
    done
    printf '%s\n' "${1%%|*}"
}

# New servers update themselves right after their first boot. DPkg::Lock::Timeout waits for that, but Xenial's apt does not
# know it, and no apt waits for the lock of the package lists, so a refusal because of a lock is tried again until the limit.
apt_get() {
    deadline=$(($(date +%s) + lock_timeout))
    repaired=
    while :; do
        code=0
        timeout -k 30 "$timeout" apt-get -q -y -o "DPkg::Lock::Timeout=$lock_timeout" \
            -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@" >"$apt_log" 2>&1 </dev/null || code=$?
        if [ "$code" -eq 0 ]; then return 0; fi
        if [ "$code" -eq 124 ]; then printf 'apt-get %s took longer than %s seconds.\n' "$1" "$timeout" >>"$apt_log"; fi
        if [ -z "$repaired" ] && grep -q 'dpkg --configure -a' "$apt_log"; then
            # An installation was interrupted, perhaps this one; dpkg says itself what completes it.
            repaired=yes
            timeout -k 30 "$timeout" dpkg --configure -a >"$apt_log" 2>&1 </dev/null && continue
        fi
        grep -Eq 'Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock' "$apt_log" || return "$code"
        if [ "$(date +%s)" -ge "$deadline" ]; then
            printf 'Another program held the lock of apt for %s seconds.\n' "$lock_timeout" >>"$apt_log"
            return "$code"
        fi
        sleep 1
    done
}

packages() {
    missing=$(for package; do missing_of "$package"; done | sort -u)
    if [ -z "$missing" ]; then finish false; fi
    printf 'packages: %s\n' "$(printf '%s' "$missing" | tr '\n' ' ')"
    if [ "$mode" = plan ]; then finish true; fi
    apt_log=$(mktemp)
    trap 'rm -f "$apt_log"' EXIT
    trap 'exit 1' HUP INT TERM
    # A package source that does not answer need not be the one that has the packages.
    update=
    apt_get update || update=$(tail -n 5 "$apt_log")
    # Names of packages hold no blanks: one argument each.
    # shellcheck disable=SC2086
    if ! apt_get install --no-install-recommends $missing; then
        fail "apt-get could not install $(printf '%s' "$missing" | tr '\n' ' '):
$(tail -n 20 "$apt_log")${update:+
apt-get update before it: $update}"
    fi
    left=$(for package; do missing_of "$package"; done)
    if [ -n "$left" ]; then fail "apt-get ended well, but these are not installed: $left"; fi
    finish true
}

# --- one program from an archive ----------------------------------------------------------------------------------------

python_serves() {
    LD_LIBRARY_PATH=${2:-}${2:+/lib} PYTHONHOME=${2:-} timeout -k 5 60 "$1" -c '
import hashlib, json, ssl, sys, zlib
print("%d.%d.%d" % sys.version_info[:3])
' 2>>"${3:-/dev/null}" </dev/null
}

is_complete() {
    [ -f "$marker" ] && [ "$(cat "$marker")" = "$version $sha256" ] || return 1
    case $name in
    python) [ "$(python_serves "$prefix/$program")" = "$version" ] ;;
    *) [ -x "$prefix/$program" ] || { [ -f "$marker.package" ] && is_installed "$(cat "$marker.package")"; } ;;
    esac
}

is_ours() {
    [ -f "$files" ] && grep -Fqx -e "$1" "$files"
}

refuse_foreign() {
    if [ -e "$prefix/$1" ] || [ -L "$prefix/$1" ]; then
        if ! is_ours "$1"; then
            fail "$prefix/$1 exists and was not installed by this step, which replaces nothing of others: remove it, or choose another prefix."
        fi
    fi
}

fetch() {
    case $url in
    http://* | https://*)
        code=0
        if command -v curl >/dev/null; then
            said=$(timeout -k 5 "$download_timeout" curl --fail --silent --show-error --location --connect-timeout 30 \
                --retry 3 --output "$archive" "$url" 2>&1) || code=$?
        elif command -v wget >/dev/null; then
            said=$(timeout -k 5 "$download_timeout" wget --no-verbose --tries=3 --timeout=30 --output-document="$archive" \
                "$url" 2>&1) || code=$?
        else
            fail "There is neither curl nor wget to fetch $url."
        fi
        if [ "$code" -eq 124 ]; then fail "$url was not there after $download_timeout seconds."; fi
        if [ "$code" -ne 0 ]; then fail "$url could not be fetched: $(printf '%s' "$said" | tail -n 3)"; fi
        ;;
    file:///* | /*)
        from=${url#file://}
        [ -r "$from" ] || fail "$from cannot be read on this server."
        cp "$from" "$archive"
        ;;
    *) fail "$url is neither an http, https or file URL nor an absolute path on the server." ;;
    esac
}

verify() {
    has=$(sha256sum <"$archive")
    has=${has%% *}
    if [ "$has" != "$sha256" ]; then
        fail "$url has the SHA-256 $has, and $sha256 was expected: it was not unpacked, and nothing was installed."
    fi
}

# Runs one step of the build: everything into the log, and a dot now and then, so that no firewall takes a long build for an
# idle connection. When the connection breaks, the dots can no longer be written and the build ends too.
step() {
    printf '+ %s\n' "$*" >>"$log"
    {
        code=0
        timeout -k 30 "$timeout" "$@" 2>&1 </dev/null || code=$?
        printf '%s\n' "$code" >"$work/code"
    } | tee -a "$log" | awk 'NR % 100 == 0 { printf "."; fflush() } END { if (NR >= 100) print "" }'
    code=$(cat "$work/code")
    [ "$code" -ne 124 ] || fail_build "$1 took longer than $timeout seconds"
    [ "$code" -eq 0 ] || fail_build "$* ended with $code"
}

fail_build() {
    fail "$name $version could not be built: $1. The end of $log:
$(tail -n 25 "$log")"
}

unpack() {
    mkdir "$work/tree"
    tar -xf "$archive" -C "$work/tree" --no-same-owner 2>>"$log" || fail_build "$url is no archive that tar can unpack"
    rm -f "$archive"
    # Most archives hold one directory of whatever name, some none.
    set -- "$work"/tree/*
    if [ $# -eq 1 ] && [ -d "$1" ]; then source=$1; else source=$work/tree; fi
}

build_python() {
    [ -f "$source/configure" ] || fail_build "the archive has no configure"
    cd "$source"
    step sh ./configure "--prefix=$prefix" "$@"
    step make "-j$jobs"
    # altinstall never makes or replaces python3.
    step make altinstall "DESTDIR=$stage"
    cd /
    has=$(python_serves "$staged/$program" "$staged" "$log") || fail_build "it does not start, or lacks ssl or zlib"
    [ "$has" = "$version" ] || fail_build "the archive holds Python $has"
    find "$staged/bin" -name 'python3' -o -name 'python3-config' | grep -q . && fail_build "it would replace python3"
    return 0
}

build_pony() {
    if [ -x "$source/$program" ]; then
        mkdir -p "$staged/bin" "$staged/lib/$home"
        cp -a "$source" "$staged/lib/$home/$version"
        ln -s "../lib/$home/$version/$program" "$staged/$program"
    elif [ -f "$source/Makefile" ]; then
        for option; do
            case $option in
            LLVM_CONFIG=*)
                command -v "${option#*=}" >/dev/null || fail_build "there is no ${option#*=}; give a built archive or a .deb instead"
                ;;
            esac
        done
        cd "$source"
        step make "-j$jobs" "prefix=$prefix" "$@"
        step make install "prefix=$prefix" "DESTDIR=$stage" "$@"
        cd /
    else
        fail_build "the archive holds neither $program nor a Makefile"
    fi
    [ -x "$staged/$program" ] || fail_build "it has no $program that can be executed"
    if find "$staged" -type l -lname "$work*" | grep -q .; then fail_build "its links lead into the build"; fi
    if [ "$name" = ponyc ]; then
        timeout -k 5 60 "$staged/$program" --version >>"$log" 2>&1 </dev/null || fail_build "ponyc --version does not work"
    fi
}

install_package() {
    apt_log=$log
    package=$(dpkg-deb --field "$archive" Package) || fail_build "$url is no package"
    # apt takes a file only by a name that ends so.
    mv "$archive" "$work/$name.deb"
    chmod 0755 "$work"
    apt_get install --no-install-recommends --allow-downgrades "$work/$name.deb" || fail_build "apt-get could not install it"
    command -v "${program#bin/}" >/dev/null || fail_build "the package $package brings no ${program#bin/}"
    if [ -f "$files" ]; then
        remove_files <"$files"
        rm -f "$files"
    fi
    printf '%s\n' "$package" >"$marker.package"
    write_marker
    finish true
}

write_marker() {
    printf '%s\n' "$version $sha256" >"$marker.new"
    mv "$marker.new" "$marker"
}

# Files and then empty directories, named on standard input, below the prefix.
remove_files() {
    while IFS= read -r path; do
        rm -f "$prefix/$path"
        (cd "$prefix" && rmdir -p --ignore-fail-on-non-empty "${path%/*}" 2>/dev/null) || :
    done
}

# First everything that nobody can start, then what was of an older version goes, and the program comes last.
move_in() {
    (cd "$staged" && find . ! -type d | sed 's|^\./||' | sort) >"$work/new"
    while IFS= read -r path; do refuse_foreign "$path"; done <"$work/new"
    : >>"$files"
    cp "$files" "$work/old"
    sort -u "$work/old" "$work/new" >"$files.new"
    mv "$files.new" "$files"
    # From here to the last line there is no program, so that nobody takes the old one for the new one.
    rm -f "$marker" "$marker.package" "$prefix/$program" "$prefix/$program.new"

    mkdir -p "$prefix/bin"
    grep -Fvx -e "$program" "$work/new" >"$work/most" || : # none is no error
    tar -C "$staged" --no-recursion -cf - -T "$work/most" | tar -C "$prefix" --no-same-owner -xf -
    cp -a "$staged/$program" "$prefix/$program.new"
    grep -Fvx -f "$work/new" "$work/old" | remove_files
    cp "$work/new" "$files.new"
    mv "$files.new" "$files"
    write_marker
    rm -rf "$work"
    mv -f "$prefix/$program.new" "$prefix/$program"
}

archive() {
    case $name in
    python)
        program=${version%.*}
        program=bin/python$program
        ;;
    ponyc)
        program=bin/ponyc
        home=pony
        ;;
    stable)
        program=bin/stable
        home=pony-stable
        ;;
    *) fail "There is no recipe for $name." ;;
    esac
    case $version in
    '' | *[!0-9A-Za-z.+_-]*) fail "'$version' is no version of $name." ;;
    esac
    sha256=$(printf '%s' "$sha256" | tr 'A-F' 'a-f')
    case $sha256 in
    *[!0-9a-f]*) fail "'$sha256' is no SHA-256 of $url." ;;
    esac
    [ ${#sha256} -eq 64 ] || fail "'$sha256' is no SHA-256 of $url."
    case $prefix in
    /*) ;;
    *) fail "The prefix $prefix is not an absolute path." ;;
    esac

    state=$prefix/lib/wallaroo-dev-env
    marker=$state/$name
    files=$state/$name.files
    log=$state/$name.log
    work=$state/$name.work
    stage=$work/stage
    staged=$stage$prefix
    archive=$work/archive
    jobs=$(nproc)

    if is_complete; then finish false; fi
    refuse_foreign "$program"
    printf '%s %s: from %s into %s\n' "$name" "$version" "$url" "$prefix"
    if [ "$mode" = plan ]; then finish true; fi

    mkdir -p "$state"
    # The directory itself is the lock, so that it leaves nothing behind.
    exec 9<"$state"
    flock -w "$lock_timeout" 9 || fail "Another run has been installing on this server for $lock_timeout seconds."
    if is_complete; then finish false; fi
    trap 'rm -rf "$work"; rmdir "$state" 2>/dev/null || :' EXIT
    trap 'exit 1' HUP INT TERM
    rm -rf "$work"
    mkdir -p "$staged"
    fetch
    verify
    : >"$log"
    if [ "$(head -c 7 "$archive")" = '!<arch>' ]; then install_package; fi
    unpack
    case $name in
    python) build_python "$@" ;;
    *) build_pony "$@" ;;
    esac
    move_in
    finish true
}

case $action in
packages) packages "$@" ;;
archive) archive "$@" ;;
*) fail "unknown action: $action" ;;
esac
