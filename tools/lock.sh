#!/bin/sh
# Locks requirements/*.in for Python 3.10 and later, with hashes and without the names of registries:
#
#   lock.sh [--upgrade]     --upgrade: choose the newest versions; without it those stay that are locked, as far as they can
set -eu
command -v uv >/dev/null || { echo "uv is needed to make the locks: python -m pip install uv" >&2; exit 1; }
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
cd requirements
oldest=3.10

# A file of this name is there before: its versions are preferred.
compile() {
    uv pip compile --quiet --universal --python-version "$oldest" --generate-hashes --no-header --no-annotate \
        --override tools-overrides.txt --output-file "$@"
}

# Everything together first, so that no playbook runs with what was not tested.
cat controller.txt tools.txt 2>/dev/null >"$made/all.txt" || true
compile "$made/all.txt" "$@" controller.in tools.in
for name in controller core-2.16; do
    cp "$made/all.txt" "$made/$name.txt"
    compile "$made/$name.txt" "$name.in"
done

# What tools.txt need not say again: whatever controller.txt has under the same condition.
pins() { grep '^[a-z0-9].*==' "$1" | LC_ALL=C sort; }
pins "$made/all.txt" >"$made/pins"
pins "$made/controller.txt" | LC_ALL=C comm -13 - "$made/pins" | sed 's/==.*//' | LC_ALL=C sort -u >"$made/more"
omitted=$(pins "$made/controller.txt" | sed 's/==.*//' | LC_ALL=C sort -u | LC_ALL=C comm -23 - "$made/more" |
    sed 's/^/--no-emit-package=/')
for name in controller core-2.16; do
    cp "$made/all.txt" "$made/tools-of-$name.txt"
    # shellcheck disable=SC2086  # many words
    compile "$made/tools-of-$name.txt" $omitted "$name.in" tools.in
done
cmp "$made/tools-of-controller.txt" "$made/tools-of-core-2.16.txt" || {
    echo "ansible-core 2.16 needs other tools than the newest one: give tools.in an older version." >&2
    exit 1
}
# Newer ones have Pythons of their own. Theirs is a part of what controller.txt has, and so is tested with tools.txt.
for both in 2.19:3.11 2.21:3.12; do
    name=core-${both%:*}
    oldest=${both#*:}
    cp "$made/all.txt" "$made/$name.txt"
    compile "$made/$name.txt" "$name.in"
    pins "$made/$name.txt" | sed 's/ .*//' | LC_ALL=C sort -u >"$made/its"
    sed 's/ .*//' "$made/pins" | LC_ALL=C sort -u | LC_ALL=C comm -13 - "$made/its" | grep . && {
        echo "ansible-core ${both%:*} needs versions that no other lock has (above)." >&2
        exit 1
    }
    mv "$made/$name.txt" .
done
oldest=3.10
# In environments of their own; what they share with the others has one version.
for name in docs sanity; do
    cat "$made/all.txt" "$name.txt" >"$made/$name.txt" 2>/dev/null || true
    compile "$made/$name.txt" "$@" "$name.in"
    mv "$made/$name.txt" .
done
mv "$made/controller.txt" "$made/core-2.16.txt" .
mv "$made/tools-of-controller.txt" tools.txt
