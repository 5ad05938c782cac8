#!/bin/sh
# Locks requirements/*.in for Python 3.10 and later, with hashes and without the names of registries.
set -eu
command -v uv >/dev/null || { echo "uv is needed to make the locks: python -m pip install uv" >&2; exit 1; }
for name in controller core-2.16; do
    uv pip compile --quiet --upgrade --universal --python-version 3.10 --generate-hashes --no-header --no-annotate \
        --override requirements/controller-overrides.txt "requirements/$name.in" --output-file "requirements/$name.txt"
done
