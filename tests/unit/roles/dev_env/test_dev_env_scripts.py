# Copyright: (c) 2026, the wallaroo.resilience contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts of the role ``dev_env``, run for real: into a prefix of their own, from stand-in archives."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CONFIGURE = """#!/bin/sh
for option; do case $option in --prefix=*) printf 'prefix = %s\\n' "${option#*=}" > config.mk ;; esac; done
"""

# What a build of Python leaves: a library, and a program that answers as Python does.
PYTHON_MAKEFILE = """include config.mk
all:
\t@echo building
altinstall:
\tmkdir -p $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/lib/python3.9
\techo json > $(DESTDIR)$(prefix)/lib/python3.9/json.py
\tcp python $(DESTDIR)$(prefix)/bin/python3.9
\techo pip > $(DESTDIR)$(prefix)/bin/pip3.9
"""
PYTHON = "#!/bin/sh\n# a stand-in\necho {version}\n"

STABLE_MAKEFILE = """all: stable
stable:
\tcp source.pony stable
install: stable
\tmkdir -p $(DESTDIR)$(prefix)/bin
\tcp stable $(DESTDIR)$(prefix)/bin
"""

# Installs and removes by writing names into a file, and is locked as often as that file says.
APT_GET = """#!/bin/sh
echo "$*" >> "{root}/calls"
locked=$(cat "{root}/locked")
if [ "$locked" -gt 0 ]; then
    echo $((locked - 1)) > "{root}/locked"
    echo "E: Could not get lock /var/lib/dpkg/lock-frontend" >&2
    exit 100
fi
installing=
for word; do
    case $word in
    install) installing=yes ;;
    broken) echo "E: Unable to locate package broken" >&2; exit 100 ;;
    -*|update) ;;
    DPkg::*|Dpkg::*) ;;
    *) [ -z "$installing" ] || echo "$word" >> "{root}/installed" ;;
    esac
done
"""
DPKG_QUERY = """#!/bin/sh
for name; do :; done
grep -qx "$name" "{root}/installed" && echo installed
"""


@dataclass
class Ended:
    """How a script ended."""

    code: int
    output: str

    @property
    def changed(self) -> bool:
        assert self.code == 0, self.output
        last = self.output.strip().splitlines()[-1]
        assert last in {"CHANGED=true", "CHANGED=false"}
        return last == "CHANGED=true"

    @property
    def problem(self) -> str:
        assert self.code != 0, self.output
        return self.output.split("PROBLEM=", 1)[1]


@dataclass
class Server:
    """A server: a prefix, and the scripts run on it."""

    scripts: Path
    root: Path
    path: str = field(default_factory=lambda: os.environ["PATH"])

    @property
    def prefix(self) -> Path:
        return self.root / "local"

    @property
    def state(self) -> Path:
        return self.prefix / "lib" / "wallaroo-dev-env"

    def run(self, script: str, *arguments: str, **environment: str) -> Ended:
        ended = subprocess.run(
            ["/bin/sh", str(self.scripts / script), *arguments],
            env={"PATH": self.path, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        return Ended(ended.returncode, ended.stdout)

    def archive_arguments(self, name: str, archive: Path, version: str, **changes: str) -> list[str]:
        arguments = {
            "mode": "apply",
            "name": name,
            "version": version,
            "url": str(archive),
            "sha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
            "prefix": str(self.prefix),
            **changes,
        }
        return ["archive", *(f"{key}={value}" for key, value in arguments.items())]

    def install(self, name: str, archive: Path, version: str, *options: str, **changes: str) -> Ended:
        return self.run("provision.sh", *self.archive_arguments(name, archive, version, **changes), "--", *options)

    def packages(self, *packages: str, mode: str = "apply", lock_timeout: int = 30) -> Ended:
        return self.run("provision.sh", "packages", f"mode={mode}", f"lock_timeout={lock_timeout}", "--", *packages)

    def everything(self) -> dict[str, str]:
        """Every file below the prefix but for the log, with what it holds or where it leads."""
        return {
            str(path.relative_to(self.prefix)): os.readlink(path) if path.is_symlink() else path.read_text()
            for path in sorted(self.prefix.rglob("*"))
            if (path.is_symlink() or path.is_file()) and path.suffix != ".log"
        }


@pytest.fixture
def server(repository: Path, tmp_path: Path) -> Server:
    root = tmp_path / "server"
    root.mkdir()
    return Server(repository / "roles" / "dev_env" / "files", root)


@pytest.fixture
def server_with_apt(server: Server) -> Server:
    bin_directory = server.root / "bin"
    bin_directory.mkdir()
    for name, text in (("apt-get", APT_GET), ("dpkg-query", DPKG_QUERY)):
        (bin_directory / name).write_text(text.format(root=server.root))
        (bin_directory / name).chmod(0o755)
    (server.root / "installed").write_text("git\nwget\n")
    (server.root / "locked").write_text("0\n")
    server.path = f"{bin_directory}:{server.path}"
    return server


def needed(*programs: str) -> None:
    """The scripts use what a server has; setup_dev_env.yml installs it where root may."""
    if not any(shutil.which(program) for program in programs):
        pytest.skip(f"there is no {' and no '.join(programs)}")


def pack(path: Path, files: dict[str, str], top: str = "Program-1.0/") -> Path:
    """An archive; what begins with ``#!`` can be executed."""
    tree = path.parent / f"{path.name}.tree"
    mode = {".xz": "w:xz", ".bz2": "w:bz2", ".tar": "w"}.get(path.suffix, "w:gz")
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, text in files.items():
            file = tree / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755 if text.startswith("#!") else 0o644)
            tar.add(file, arcname=top + name)
    return path


def python_archive(path: Path, version: str = "3.9.25", top: str = "Python-3.9.25/", **changes: str) -> Path:
    files = {"configure": CONFIGURE, "Makefile": PYTHON_MAKEFILE, "python": PYTHON.format(version=version)}
    return pack(path, {**files, **changes}, top)


def ponyc_archive(path: Path, version: str = "0.25.0", **more: str) -> Path:
    return pack(path, {"bin/ponyc": f"#!/bin/sh\necho {version}\n", "packages/builtin/b.pony": "actor\n", **more})


@pytest.mark.parametrize("name", ["python.tgz", "python.tar.xz", "python.tar.bz2", "python.tar"])
@pytest.mark.parametrize("top", ["Python-3.9.25/", "python3.9-3.9.25.orig/", ""])
def test_a_python_is_built_and_put_into_the_prefix(server: Server, tmp_path: Path, name: str, top: str) -> None:
    if name.endswith((".xz", ".bz2")):
        needed("xz" if name.endswith(".xz") else "bzip2")
    archive = python_archive(tmp_path / name, top=top)
    assert server.install("python", archive, "3.9.25").changed
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert server.everything() == {
        "bin/pip3.9": "pip\n",
        "bin/python3.9": PYTHON.format(version="3.9.25"),
        "lib/python3.9/json.py": "json\n",
        "lib/wallaroo-dev-env/python": f"3.9.25 {sha256}\n",
        "lib/wallaroo-dev-env/python.files": "bin/pip3.9\nbin/python3.9\nlib/python3.9/json.py\n",
    }
    assert (server.prefix / "bin" / "python3.9").stat().st_mode & 0o777 == 0o755
    assert "building" in (server.state / "python.log").read_text()


def test_a_second_run_changes_nothing(server: Server, tmp_path: Path) -> None:
    archive = python_archive(tmp_path / "python.tgz")
    assert server.install("python", archive, "3.9.25").changed
    before = server.everything()
    archive.touch()
    assert not server.install("python", archive, "3.9.25").changed
    assert not server.install("python", archive, "3.9.25", mode="plan").changed
    assert server.everything() == before


def test_a_plan_tells_and_does_nothing(server: Server, tmp_path: Path) -> None:
    assert server.install("python", python_archive(tmp_path / "python.tgz"), "3.9.25", mode="plan").changed
    assert not server.prefix.exists()


def test_an_archive_with_another_hash_is_not_unpacked(server: Server, tmp_path: Path) -> None:
    archive = python_archive(tmp_path / "python.tgz")
    problem = server.install("python", archive, "3.9.25", sha256="0" * 64).problem
    assert f"has the SHA-256 {hashlib.sha256(archive.read_bytes()).hexdigest()}, and {'0' * 64} was expected" in problem
    assert server.everything() == {}
    assert not server.state.exists()


@pytest.mark.parametrize("sha256", ["", "abc", "g" * 64])
def test_without_a_hash_nothing_is_fetched(server: Server, tmp_path: Path, sha256: str) -> None:
    archive = python_archive(tmp_path / "python.tgz")
    assert "is no SHA-256" in server.install("python", archive, "3.9.25", sha256=sha256).problem


@pytest.mark.parametrize("has", [True, False])
def test_an_archive_is_fetched_over_http(server: Server, tmp_path: Path, has: bool) -> None:
    needed("curl", "wget")
    archive = python_archive(tmp_path / "python.tgz")

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))  # type: ignore[arg-type]

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{http.server_port}/{'python.tgz' if has else 'gone.tgz'}"
        ended = server.install("python", archive, "3.9.25", url=url)
        http.shutdown()
    if has:
        assert ended.changed
    else:
        assert f"{url} could not be fetched: " in ended.problem
        assert server.everything() == {}


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("/no/such/archive.tgz", "/no/such/archive.tgz cannot be read on this server."),
        ("file:///no/such.tgz", "/no/such.tgz cannot be read on this server."),
        ("ftp://x/a.tgz", "is neither an http, https or file URL"),
        ("archive.tgz", "is neither an http, https or file URL"),
    ],
)
def test_where_an_archive_cannot_come_from(server: Server, tmp_path: Path, url: str, sentence: str) -> None:
    assert sentence in server.install("python", python_archive(tmp_path / "python.tgz"), "3.9.25", url=url).problem


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"Makefile": "all:\n\t@echo cannot compile; exit 3\n"}, "ended with 2. The end of "),
        ({"python": "#!/bin/sh\necho No module named ssl >&2; exit 1\n"}, "it does not start, or lacks ssl or zlib"),
        ({"python": "#!/bin/sh\necho 3.9.1\n"}, "the archive holds Python 3.9.1"),
        ({"Makefile": PYTHON_MAKEFILE + "\ttouch $(DESTDIR)$(prefix)/bin/python3\n"}, "it would replace python3"),
        ({"Makefile": "all:\n\tsleep 60\n"}, "make took longer than 1 seconds"),
    ],
)
def test_a_build_that_fails_leaves_its_log_and_no_python(
    server: Server, tmp_path: Path, change: dict[str, str], sentence: str
) -> None:
    archive = python_archive(tmp_path / "python.tgz", **change)
    limits = {"timeout": "1"} if "sleep" in change.get("Makefile", "") else {}
    problem = server.install("python", archive, "3.9.25", **limits).problem
    assert problem.startswith("python 3.9.25 could not be built: ")
    assert sentence in problem
    assert server.everything() == {}
    assert (server.state / "python.log").exists()
    if "exit 3" in change.get("Makefile", ""):
        assert "cannot compile" in problem


def test_what_is_no_archive_is_named(server: Server, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html>404</html>")
    assert "is no archive that tar can unpack" in server.install("python", page, "3.9.25").problem


@pytest.mark.parametrize("file", ["bin/python3.9", "bin/pip3.9", "lib/python3.9/json.py"])
def test_a_file_of_somebody_else_is_never_replaced(server: Server, tmp_path: Path, file: str) -> None:
    theirs = server.prefix / file
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    problem = server.install("python", python_archive(tmp_path / "python.tgz"), "3.9.25").problem
    assert problem.startswith(f"{theirs} exists and was not installed by this step")
    assert server.everything() == {file: "theirs"}


def interrupted(server: Server, arguments: list[str], command: str) -> None:
    """Runs until ``command`` is called for the first time, and kills the script and all its processes there."""
    directory = server.root / "interrupting"
    directory.mkdir(exist_ok=True)
    stand_in = directory / command.split(maxsplit=1)[0]
    wanted = command.split(maxsplit=1)[1] if " " in command else ""
    real = subprocess.run(["which", stand_in.name], capture_output=True, text=True, check=True).stdout.strip()
    stand_in.write_text(
        f'#!/bin/sh\ncase "$*" in *{wanted}*) kill -9 -"$LEADER"; kill -9 0 ;; esac\nexec {real} "$@"\n'
    )
    stand_in.chmod(0o755)
    process = subprocess.Popen(
        # The limits of the script put what they run into process groups of their own.
        ["/bin/sh", "-c", 'LEADER=$$ exec /bin/sh "$@"', "sh", str(server.scripts / "provision.sh"), *arguments],
        # PREFIX/bin comes first on the script's own PATH, and has nothing yet.
        env={"PATH": f"{directory}:{server.path}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.wait(timeout=30) == -signal.SIGKILL


@pytest.mark.parametrize("command", ["sha256sum", "make altinstall", "sort -u", "tar -C", "cp -a", "rm -rf", "mv -f"])
def test_an_interrupted_run_leaves_no_python_and_is_completed(server: Server, tmp_path: Path, command: str) -> None:
    archive = python_archive(tmp_path / "python.tgz")
    if command == "rm -rf":
        # The first one is before anything is done.
        server.state.mkdir(parents=True)
    interrupted(server, server.archive_arguments("python", archive, "3.9.25"), command)
    assert not (server.prefix / "bin" / "python3.9").exists()
    assert server.install("python", archive, "3.9.25").changed
    assert sorted(server.everything()) == [
        "bin/pip3.9",
        "bin/python3.9",
        "lib/python3.9/json.py",
        "lib/wallaroo-dev-env/python",
        "lib/wallaroo-dev-env/python.files",
    ]
    assert not (server.state / "python.work").exists()


def test_two_runs_at_once_do_not_meet(server: Server, tmp_path: Path) -> None:
    archive = python_archive(tmp_path / "python.tgz")
    server.state.mkdir(parents=True)
    with subprocess.Popen(["flock", str(server.state), "sh", "-c", "echo held; read done"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdin is not None
        holder.stdout.readline()
        problem = server.install("python", archive, "3.9.25", lock_timeout="1").problem
        holder.stdin.write("\n")
        holder.stdin.close()
        holder.wait(timeout=20)
    assert problem.startswith("Another run has been installing on this server for 1 seconds.")
    assert server.install("python", archive, "3.9.25").changed


def test_a_built_ponyc_is_put_into_the_prefix_with_its_packages(server: Server, tmp_path: Path) -> None:
    archive = ponyc_archive(tmp_path / "ponyc.tar.gz")
    assert server.install("ponyc", archive, "0.25.0", "LLVM_CONFIG=no-such-llvm").changed
    ponyc = server.prefix / "bin" / "ponyc"
    assert os.readlink(ponyc) == "../lib/pony/0.25.0/bin/ponyc"
    assert subprocess.run([ponyc], capture_output=True, text=True, check=True).stdout == "0.25.0\n"
    assert (server.prefix / "lib" / "pony" / "0.25.0" / "packages" / "builtin" / "b.pony").exists()
    assert not server.install("ponyc", archive, "0.25.0").changed


def test_another_version_of_ponyc_takes_the_place_of_the_first(server: Server, tmp_path: Path) -> None:
    old = ponyc_archive(tmp_path / "old.tar.gz", "0.24.4")
    new = ponyc_archive(tmp_path / "new.tar.gz", "0.25.0")
    assert server.install("ponyc", old, "0.24.4").changed
    theirs = server.prefix / "lib" / "pony" / "mine"
    theirs.write_text("theirs")
    assert server.install("ponyc", new, "0.25.0").changed
    assert sorted(server.everything()) == [
        "bin/ponyc",
        "lib/pony/0.25.0/bin/ponyc",
        "lib/pony/0.25.0/packages/builtin/b.pony",
        "lib/pony/mine",
        "lib/wallaroo-dev-env/ponyc",
        "lib/wallaroo-dev-env/ponyc.files",
    ]
    assert not (server.prefix / "lib" / "pony" / "0.24.4").exists()


@pytest.mark.parametrize("command", ["tar -C", "cp -a", "rmdir -p", "mv -f"])
def test_an_interrupted_change_of_version_is_completed(server: Server, tmp_path: Path, command: str) -> None:
    old = pack(tmp_path / "old.tar", {"Makefile": STABLE_MAKEFILE, "source.pony": "#!/bin/sh\necho 1\n"})
    more = {"Makefile": STABLE_MAKEFILE + "\techo > $(DESTDIR)$(prefix)/bin/more\n"}
    new = pack(tmp_path / "new.tar", {**more, "source.pony": "#!/bin/sh\necho 2\n"})
    former = pack(tmp_path / "former.tar", {"bin/stable": "#!/bin/sh\necho 0\n"}) if command == "rmdir -p" else old
    assert server.install("stable", former, "0.1").changed
    interrupted(server, server.archive_arguments("stable", new, "0.2"), command)
    assert server.install("stable", new, "0.2").changed
    stable = server.prefix / "bin" / "stable"
    assert subprocess.run([stable], capture_output=True, text=True, check=True).stdout == "2\n"
    assert sorted(server.everything()) == [
        "bin/more",
        "bin/stable",
        "lib/wallaroo-dev-env/stable",
        "lib/wallaroo-dev-env/stable.files",
    ]


def test_stable_is_built_from_its_sources(server: Server, tmp_path: Path) -> None:
    files = {"Makefile": STABLE_MAKEFILE, "source.pony": "#!/bin/sh\necho stable\n"}
    assert server.install("stable", pack(tmp_path / "stable.tar.gz", files), "0.1.6").changed
    assert (server.prefix / "bin" / "stable").read_text() == "#!/bin/sh\necho stable\n"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"Makefile": "all:\n"}, "there is no no-such-llvm; give a built archive or a .deb instead"),
        ({"README": "nothing"}, "the archive holds neither bin/ponyc nor a Makefile"),
        ({"bin/ponyc": "#!/bin/sh\nexit 127\n"}, "ponyc --version does not work"),
    ],
)
def test_a_ponyc_that_does_not_work_is_not_installed(
    server: Server, tmp_path: Path, files: dict[str, str], sentence: str
) -> None:
    archive = pack(tmp_path / "ponyc.tar.gz", files)
    assert sentence in server.install("ponyc", archive, "0.25.0", "LLVM_CONFIG=no-such-llvm").problem
    assert server.everything() == {}


def test_only_missing_packages_are_installed(server_with_apt: Server) -> None:
    assert server_with_apt.packages("git", "make", "curl|wget", "g++|clang").changed
    assert (server_with_apt.root / "installed").read_text().split() == ["git", "wget", "g++", "make"]
    calls = (server_with_apt.root / "calls").read_text().splitlines()
    assert len(calls) == 2
    assert not server_with_apt.packages("git", "make", "curl|wget", "g++|clang").changed
    assert len((server_with_apt.root / "calls").read_text().splitlines()) == 2


def test_a_plan_of_packages_installs_nothing(server_with_apt: Server) -> None:
    ended = server_with_apt.packages("git", "make", mode="plan")
    assert ended.changed
    assert "packages: make" in ended.output
    assert not (server_with_apt.root / "calls").exists()


def test_the_lock_of_apt_is_waited_for(server_with_apt: Server) -> None:
    (server_with_apt.root / "locked").write_text("2\n")
    assert server_with_apt.packages("make").changed


def test_a_lock_that_stays_is_named(server_with_apt: Server) -> None:
    (server_with_apt.root / "locked").write_text("1000\n")
    problem = server_with_apt.packages("make", lock_timeout=1).problem
    assert "apt-get could not install make" in problem
    assert "Another program held the lock of apt for 1 seconds." in problem


def test_a_package_that_does_not_exist_is_named(server_with_apt: Server) -> None:
    assert "E: Unable to locate package broken" in server_with_apt.packages("broken").problem


def probe(server: Server, *arguments: str, **environment: str) -> dict[str, str]:
    ended = server.run("probe.sh", *arguments, **environment)
    assert ended.code == 0, ended.output
    return dict(line.split("=", 1) for line in ended.output.splitlines())


def test_the_probe_finds_the_interpreter_that_was_named(server: Server) -> None:
    said = probe(server, sys.executable)
    assert said["PYTHON"] == sys.executable
    assert said["PYTHON_VERSION"] == ".".join(map(str, sys.version_info[:3]))
    assert said["UID"] == str(os.getuid())
    assert said["PROBE"] == "complete"


def test_the_probe_passes_over_a_python_that_is_half_there(server: Server) -> None:
    half = server.prefix / "bin" / "python3.9"
    half.parent.mkdir(parents=True)
    half.write_text("#!/bin/sh\nexit 1\n")
    half.chmod(0o755)
    assert probe(server, "auto_silent", str(server.prefix)).get("PYTHON") != str(half)


@pytest.mark.parametrize("on_path", [True, False])
def test_the_probe_says_whether_ansible_finds_it_by_itself(server: Server, on_path: bool) -> None:
    mine = server.prefix / "bin" / "python3.9"
    mine.parent.mkdir(parents=True)
    mine.symlink_to(sys.executable)
    path = f"{mine.parent}:{server.path}" if on_path else server.path
    said = probe(server, "", str(server.prefix), PATH=path)
    assert said["PYTHON"] == str(mine)
    assert said["PYTHON_ON_PATH"] == ("true" if on_path else "false")


def test_the_probe_reads_the_release(server: Server, tmp_path: Path) -> None:
    release: Callable[[str], int] = (tmp_path / "os-release").write_text
    release('NAME="Ubuntu"\nID=ubuntu\nPRETTY_NAME="Ubuntu 16.04.7 LTS"\nVERSION_ID="16.04"\n')
    said = probe(server, DEV_ENV_OS_RELEASE=str(tmp_path / "os-release"))
    assert (said["ID"], said["VERSION_ID"], said["PRETTY_NAME"]) == ("ubuntu", "16.04", "Ubuntu 16.04.7 LTS")
    assert "ID" not in probe(server, DEV_ENV_OS_RELEASE="/no/such/file")


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (None, "is not there"),
        (
            "echo is Python 3.5.2, and 3.9 is the oldest that serves",
            "is Python 3.5.2, and 3.9 is the oldest that serves",
        ),
        ("exit 3", "does not start"),
    ],
)
def test_the_probe_tells_what_is_wrong_with_the_interpreter_that_the_inventory_names(
    server: Server, tmp_path: Path, script: str | None, told: str
) -> None:
    named = tmp_path / "python3.9"
    if script is not None:
        # It does not know -I, as Python 3.3 does not, and says what it is.
        named.write_text(f"#!/bin/sh\n[ $1 = -c ] || exit 2\n{script}\n")
        named.chmod(0o755)
    said = probe(server, str(named))
    assert (said["NAMED"], said["NAMED_PROBLEM"]) == (str(named), told)
    assert said["PYTHON"] != str(named)


def test_an_interpreter_that_ansible_searches_itself_is_not_named(server: Server, tmp_path: Path) -> None:
    for searched in ("auto_silent", f"{sys.executable} -I"):
        assert not {"NAMED", "NAMED_PROBLEM"} & set(probe(server, searched))
    (tmp_path / "a blank").mkdir()
    below_a_blank = tmp_path / "a blank" / "python"
    below_a_blank.symlink_to(sys.executable)
    for named in (sys.executable, str(below_a_blank)):
        assert probe(server, named)["NAMED"] == named
        assert "NAMED_PROBLEM" not in probe(server, named)


@pytest.mark.parametrize(
    ("ending", "works"), [("exit 0", True), ("echo 'sudo: a password is required' >&2; exit 1", False)]
)
def test_the_probe_asks_sudo_itself(server: Server, tmp_path: Path, ending: str, works: bool) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sudo").write_text(f'#!/bin/sh\n[ "$*" = "-n true" ] || exit 9\n{ending}\n')
    (tools / "id").write_text("#!/bin/sh\necho 1000\n")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    said = probe(server, PATH=f"{tools}:{os.environ['PATH']}")
    assert said.get("SUDO_WORKS") == ("true" if works else None)
    assert said.get("SUDO_SAID") == (None if works else "sudo: a password is required")


def test_the_sum_of_an_archive_belongs_to_its_url(repository: Path, tmp_path: Path) -> None:
    """Another URL without a sum is refused, and not compared with the sum of the default one."""
    programs = ("python", "ponyc", "stable")
    # What somebody gives, for a server each: it outranks the files that are read before.
    given = {name: {f"dev_env_{name}_url": "https://example.com/built.tar.gz"} for name in programs}
    given |= {"default": {}, "older": {"wallaroo_version": "0.5.3"}}
    for server, variables in given.items():
        (tmp_path / f"{server}.json").write_text(json.dumps(variables))
    play = tmp_path / "play.yml"
    sums = " ".join(f"{name}={{{{ dev_env_{name}_sha256 | trim }}}}" for name in programs)
    play.write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        f"    - include_vars: {repository}/roles/dev_env/vars/main.yml\n"
        f"    - include_vars: {repository}/roles/dev_env/defaults/main.yml\n"
        f"    - include_vars: {tmp_path}/{{{{ inventory_hostname }}}}.json\n"
        f"    - debug: {{msg: '<{{{{ inventory_hostname }}}} {sums}>'}}\n"
    )
    words = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", ",".join(given), "-c", "local", str(play)]
    ended = subprocess.run(words, capture_output=True, text=True, check=True)
    told = {
        server: dict(word.split("=", 1) for word in found.split())
        for server, found in re.findall(r"<(\w+) ([^<>]*)>", ended.stdout)
    }

    assert set(told) == set(given)
    assert all(len(value) == 64 for value in told["default"].values())
    assert told["older"]["ponyc"] != told["default"]["ponyc"]
    for name in programs:
        assert told[name][name] == ""
