# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small repository that builds as Wallaroo 0.5.4 does, and a small compiler for it.

The Makefile has what matters of the real ``Makefile`` and ``rules.mk``: executables are files named by their absolute
path, whose prerequisites come out of a ``.d`` file beside them; the detector's target depends on machida, which wants
Python 2.7's headers and pony-kafka from GitHub; ``stable fetch`` ends well whatever it could fetch; and another
``resilience`` makes nothing out of date.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.needed import program

MAKEFILE = r"""abs_wallaroo_dir := $(abspath $(dir $(lastword $(MAKEFILE_LIST))))
resilience ?= off
PONYCC ?= ponyc
PONYSTABLE ?= stable
PYTHON_HEADERS ?= /nowhere/python2.7
ifeq ($(resilience),on)
  resilience_arg := -D resilience
endif

define PONYC
  @cd $(1) && $(PONYSTABLE) fetch
  @cd $(1) && $(PONYSTABLE) env $(PONYCC) $(resilience_arg) $(PONYCFLAGS) --features=-avx512f .
  @cd $(1) && echo "$@: $(wildcard $(1)/bundle.json)" | tr '\n' ' ' > $(notdir $(1)).d
  @cd $(1) && ls $(1)/*.pony | awk 'BEGIN { a="" } {a=a$$1":\n"; printf "%s ",$$1} END {print "\n"a}' \
    >> $(notdir $(1)).d
endef

define ponyc-goal
-include $(1)/$(notdir $(1)).d
$(1)/$(notdir $(1)):
	$$(call PONYC,$(1))
build-$(subst /,-,$(subst $(abs_wallaroo_dir)/,,$(1))): $(1)/$(notdir $(1))
clean-$(subst /,-,$(subst $(abs_wallaroo_dir)/,,$(1))):
	@rm -f $(1)/$(notdir $(1)) $(1)/$(notdir $(1)).o $(1)/$(notdir $(1)).d
	@rm -rf $(1)/.deps
.PHONY: build-$(subst /,-,$(subst $(abs_wallaroo_dir)/,,$(1))) clean-$(subst /,-,$(subst $(abs_wallaroo_dir)/,,$(1)))
endef

MPD := testing/correctness/apps/multi_partition_detector
APPS := testing/performance/apps/market-spread $(MPD) $(MPD)/validator
$(foreach app,$(APPS),$(eval $(call ponyc-goal,$(abs_wallaroo_dir)/$(app))))

.PHONY: build-machida clean-machida build-machida3 build-fails build-nothing build-for-ever
DETECTOR := build-testing-correctness-apps-multi_partition_detector
$(DETECTOR): build-machida build-machida3 $(DETECTOR)-validator
build-machida: $(abs_wallaroo_dir)/machida/build/machida
$(abs_wallaroo_dir)/machida/build/machida:
	@cat $(PYTHON_HEADERS)/Python.h > /dev/null
	@mkdir -p machida/build
	@cd machida && $(PONYSTABLE) fetch
	@cd machida && $(PONYSTABLE) env $(PONYCC) --output=build .
clean-machida:
	@rm -rf machida/build machida/.deps
build-machida3:
	@true

build-fails:
	@echo 'Error: something else'
	@false
build-nothing:
	@true
build-for-ever:
	@echo at work; sleep 600
"""

STABLE = r"""#!/bin/sh
# pony-stable: every clone is tried, and fetch ends with 0 whatever came of it. One that failed leaves its directory,
# and the next time git is asked for news in there, which is then the repository around it.
case $1 in
fetch)
    sed -n 's/.*"repo":"\([^"]*\)","tag":"\([^"]*\)".*/\1 \2/p' bundle.json | while read -r repo tag; do
        if [ -d ".deps/$repo" ]; then
            git -C ".deps/$repo" pull --quiet "${GITHUB:-https://github.invalid}/$repo"
        else
            mkdir -p ".deps/$repo"
            git clone --quiet "${GITHUB:-https://github.invalid}/$repo" ".deps/$repo"
        fi && git -C ".deps/$repo" checkout --quiet "$tag"
    done
    exit 0 ;;
env) shift; exec "$@" ;;
esac
"""

PONYC = r"""#!/bin/sh
# ponyc: one executable, named like the directory. The linker fills in the beginning last.
set -eu
name=$(basename "$PWD")
resilience=off
output=.
for word; do
    case $word in
    resilience) resilience=on ;;
    --output=*) output=${word#*=} ;;
    esac
done
for repo in $(sed -n 's/.*"repo":"\([^"]*\)".*/\1/p' bundle.json 2>/dev/null); do
    [ -n "$(ls ".deps/$repo" 2>/dev/null)" ] || { echo "Error: couldn't locate this path: $repo"; exit 255; }
done
echo "Linking ./$name"
sources=$(cat ./*.pony | tr '\n' ' ')
printf '#!/bin/sh\necho "%s resilience=%s %s"\n' "$name" "$resilience" "$sources" > "$output/$name.linked"
printf '# %s\n' "$*" >> "$output/$name.linked"
if [ -e "$output/$name.link-for-ever" ]; then
    # In the middle of the link: the full size, and nothing in it.
    head -c "$(wc -c < "$output/$name.linked")" /dev/zero > "$output/$name"
    chmod 755 "$output/$name"
    sleep 600
fi
cat "$output/$name.linked" > "$output/$name"
rm "$output/$name.linked"
chmod 755 "$output/$name"
"""

MS = "build-testing-performance-apps-market-spread"
MPD = "build-testing-correctness-apps-multi_partition_detector"
MARKET_SPREAD = "testing/performance/apps/market-spread/market-spread"
DETECTOR = "testing/correctness/apps/multi_partition_detector/multi_partition_detector"
VALIDATOR = "testing/correctness/apps/multi_partition_detector/validator/validator"
KAFKA = '{"deps":[{"type":"github","repo":"WallarooLabs/pony-kafka","tag":"0.5.0"}]}\n'

IDENTITY = {
    "GIT_AUTHOR_NAME": "somebody",
    "GIT_AUTHOR_EMAIL": "somebody@example.com",
    "GIT_COMMITTER_NAME": "somebody",
    "GIT_COMMITTER_EMAIL": "somebody@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
}


class Repository:
    """A repository in which somebody works."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.git("init", "--quiet", "--initial-branch=master")
        self.write("Makefile", MAKEFILE)
        for name in (MARKET_SPREAD, DETECTOR, VALIDATOR):
            self.write(f"{name}.pony", "version 1\n")
            self.write(str(Path(name).with_name("bundle.json")), '{"deps":[{"type":"local","local-path":"../lib"}]}\n')
        self.write("machida/machida.pony", "version 1\n")
        self.write("machida/bundle.json", KAFKA)
        ignored = [f"/{name}{end}\n" for name in (MARKET_SPREAD, DETECTOR, VALIDATOR) for end in ("", ".d", ".linked")]
        self.write(".gitignore", "".join([*ignored, ".deps\n", "/machida/build\n", "*.link-for-ever\n"]))
        self.commit("first")
        self.git("tag", "0.5.4")

    @property
    def url(self) -> str:
        """Where it is cloned from."""
        return str(self.directory)

    def git(self, *words: str) -> str:
        """Run git in it."""
        return git(self.directory, *words)

    def write(self, name: str, text: str) -> None:
        """Write a file of it."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def commit(self, message: str) -> str:
        """Commit everything; returns the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD")


def toolchain(directory: Path) -> Path:
    """``ponyc`` and ``stable`` of this repository, below ``directory/bin``."""
    place = directory / "bin"
    place.mkdir(parents=True, exist_ok=True)
    for name, text in (("ponyc", PONYC), ("stable", STABLE)):
        (place / name).write_text(text)
        (place / name).chmod(0o755)
    return place


def git(directory: Path, *words: str) -> str:
    """Run git somewhere."""
    environment = {**os.environ, **IDENTITY}
    ended = subprocess.run(
        ["git", "-C", str(directory), *words], env=environment, check=True, capture_output=True, text=True
    )
    return ended.stdout.strip()


def needed() -> None:
    """The test is skipped where a program is missing, and fails in CI."""
    for name in ("git", "make", "rsync"):
        program(name)
