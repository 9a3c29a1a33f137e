"""Backends into a home, with the scripts that run in a container, on this machine."""

from __future__ import annotations

import os
import platform
import subprocess
import tarfile
from pathlib import Path

import pytest

from composegen.errors import ComposegenError
from composegen.ide import products
from composegen.ide.inside import backend, installing
from composegen.ide.inside.installing import Outcome
from composegen.ide.vendor.obtain import Wanted
from tests.ide.here import Here
from tests.support import archives

PYCHARM = products.named("pycharm")
BUILD = "243.22562.220"
GATEWAYS = ".cache/JetBrains/RemoteDev"
ARCHITECTURE = platform.machine()

pytestmark = pytest.mark.skipif(ARCHITECTURE not in archives.MACHINES, reason=f"JetBrains builds nothing for {ARCHITECTURE}")


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path / "home")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return archives.ide(tmp_path / "pycharm.tar.gz", architecture=ARCHITECTURE)


def install(here: Here, archive: Path, *, dry_run: bool = False) -> Outcome:
    return installing.install(here, PYCHARM, Wanted(archive=str(archive)), dry_run=dry_run)


def launcher(backend_home: str, here: Here, *arguments: str) -> subprocess.CompletedProcess[str]:
    argv = [f"{backend_home}/bin/remote-dev-server.sh", *arguments]
    return subprocess.run(argv, env={"HOME": str(here.home), "PATH": os.environ["PATH"]}, capture_output=True, text=True)


def test_it_is_there_whole_and_registered_as_its_own_launcher_would(here: Here, archive: Path) -> None:
    done = install(here, archive)
    assert (done.state, done.version, done.build, done.verified_by) == (installing.INSTALLED, "2024.3.1", BUILD, "")
    assert done.path == f"{here.home}/.local/share/JetBrains/backends/pycharm-{BUILD}"
    (link,) = (here.home / GATEWAYS / "userProvidedDist").iterdir()
    again = launcher(done.path, here, "registerBackendLocationForGateway")
    assert again.returncode == 1 and f"is already registered ({link} exists)" in again.stdout
    assert f'"buildNumber": "{BUILD}"' in launcher(done.path, here, "status").stdout
    assert [each.name for each in Path(done.path).parent.iterdir() if not each.name.startswith(".composegen.lock")] == [
        f"pycharm-{BUILD}"
    ]


def test_a_second_time_it_is_there_already_and_registered_again(here: Here, archive: Path) -> None:
    first = install(here, archive)
    (link,) = (here.home / GATEWAYS / "userProvidedDist").iterdir()
    link.unlink()
    assert install(here, archive, dry_run=True).state == installing.THERE and not link.is_symlink()
    again = install(here, archive)
    assert (again.state, again.path) == (installing.THERE, first.path)
    assert link.readlink() == Path(first.path)


def test_a_dry_run_changes_nothing(here: Here, archive: Path) -> None:
    done = install(here, archive, dry_run=True)
    assert done.state == installing.WOULD and done.path.endswith(f"pycharm-{BUILD}")
    assert not (here.home / GATEWAYS).exists() and not list(here.home.glob(".local/share/JetBrains/*"))


def test_another_build_is_beside_it_and_each_can_be_removed(here: Here, archive: Path, tmp_path: Path) -> None:
    install(here, archive)
    newer = archives.ide(tmp_path / "new.tar.gz", version="2025.1", build="251.1.1", architecture=ARCHITECTURE)
    assert [other.build for other in install(here, newer).others] == [BUILD]
    there = backend.installed(here)
    assert {(each.name, each.version, each.registered, each.ours) for each in there} == {
        ("pycharm", "2024.3.1", True, True),
        ("pycharm", "2025.1", True, True),
    }
    (old,) = backend.chosen(there, PYCHARM, "2024.3.1")
    backend.remove(here, old)
    (left,) = backend.installed(here)
    assert left.build == "251.1.1" and not Path(old.path).exists()
    assert [link.readlink() for link in (here.home / GATEWAYS / "userProvidedDist").iterdir()] == [Path(left.path)]


def test_what_gateway_or_somebody_else_put_there_is_listed_and_not_ours(here: Here, tmp_path: Path) -> None:
    for place in (here.home / GATEWAYS / "dist", tmp_path / "opt"):
        place.mkdir(parents=True)
        with tarfile.open(archives.ide(tmp_path / "x.tar.gz", code="GO", name="GoLand")) as content:
            content.extractall(place)
    (here.home / GATEWAYS / "userProvidedDist").mkdir()
    (here.home / GATEWAYS / "userProvidedDist/_opt").symlink_to(tmp_path / "opt/goland-2024.3.1")
    found = {each.path: (each.name, each.registered, each.ours) for each in backend.installed(here)}
    assert found == {
        f"{here.home}/{GATEWAYS}/dist/goland-2024.3.1": ("goland", False, False),
        f"{tmp_path}/opt/goland-2024.3.1": ("goland", True, False),
    }


def test_one_that_runs_is_not_removed(here: Here, archive: Path) -> None:
    done = install(here, archive)
    (there,) = backend.installed(here)
    with subprocess.Popen(["sh", "-c", "read -r line", f"{done.path}/jbr/bin/java"], stdin=subprocess.PIPE) as running:
        with pytest.raises(ComposegenError, match=r"PyCharm 2024\.3\.1 runs in the container"):
            backend.remove(here, there)
        running.communicate()
    backend.remove(here, there)
    assert backend.installed(here) == ()


def test_half_of_one_is_never_found_and_taken_away_by_the_next(here: Here, archive: Path, tmp_path: Path) -> None:
    half = tmp_path / "half.tar.gz"
    half.write_bytes(archive.read_bytes()[:-2000])
    with pytest.raises(ComposegenError, match="could not be unpacked in the container: ") as refused:
        backend.install(here, half, "pycharm-1")
    assert "nothing of it is left" in str(refused.value.hint) and "tar" in refused.value.said
    place = here.home / backend.OURS
    assert [path.name for path in place.iterdir()] == [".composegen.lock"] and backend.installed(here) == ()
    (place / ".composegen.new.killed/bin").mkdir(parents=True)
    install(here, archive)
    assert not (place / ".composegen.new.killed").exists()


def test_two_at_once_are_one_too_many(here: Here, archive: Path) -> None:
    place = here.home / backend.OURS
    place.mkdir(parents=True)
    with subprocess.Popen(["flock", place / ".composegen.lock", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin and other.stdout
        other.stdin.write(b"locked\n")
        other.stdin.flush()
        other.stdout.readline()
        with pytest.raises(ComposegenError, match="another installation goes on"):
            install(here, archive)
        other.stdin.close()


UNFIT = {
    "musl": (
        {"getconf": "exit 1", "ldd": "echo 'musl libc (x86_64)' >&2; exit 1"},
        "PyCharm needs glibc, and the container has musl libc",
    ),
    "an old glibc": ({"getconf": "echo glibc 2.12"}, "PyCharm 2024.3.1 needs glibc 2.17, and the container has 2.12"),
    "an old glibc without getconf": (
        {"getconf": "exit 1", "ldd": "echo 'ldd (Debian GLIBC 2.13-38) 2.13'"},
        "needs glibc 2.17, and the container has 2.13",
    ),
    "another machine": ({"uname": "echo riscv64"}, "is made for .*, and this is riscv64"),
    "no space": ({"df": "echo head; echo dev 1 1 8 1% /x"}, r"PyCharm 2024\.3\.1 takes 0\.00 GB, and .* has 0\.00 GB free"),
    "nothing": ({"uname": "exit 1"}, "does not say what it is"),
}


@pytest.mark.parametrize(("tools", "said"), UNFIT.values(), ids=UNFIT.keys())
def test_where_it_does_not_fit_it_is_refused_with_the_reason(here: Here, archive: Path, tools: dict[str, str], said: str) -> None:
    for name, script in tools.items():
        here.has(name, script)
    with pytest.raises(ComposegenError, match=said) as refused:
        install(here, archive)
    assert refused.value.hint
    assert not (here.home / backend.OURS).exists()


def test_a_home_that_is_on_no_volume_is_said(here: Here, archive: Path) -> None:
    here.has("df", "echo head; echo overlay 1 1 99999999 1% /")
    assert not install(here, archive, dry_run=True).kept
    here.has("df", "echo head; echo /dev/sda 1 1 99999999 1% /var/lib/ide")
    assert install(here, archive, dry_run=True).kept


def test_one_that_was_packed_with_a_dot_in_front_is_the_same(here: Here, archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as content:
        content.extractall(tmp_path / "in")
    subprocess.run(["tar", "-C", tmp_path / "in", "-czf", tmp_path / "dot.tar.gz", "."], check=True)
    done = install(here, tmp_path / "dot.tar.gz")
    assert f'"buildNumber": "{BUILD}"' in launcher(done.path, here, "status").stdout


def test_what_is_left_of_one_does_not_keep_it_away(here: Here, archive: Path) -> None:
    done = install(here, archive)
    (Path(done.path) / "bin/remote-dev-server.sh").unlink()
    assert install(here, archive).state == installing.INSTALLED
    assert {path.name for path in Path(done.path).parent.iterdir()} == {f"pycharm-{BUILD}", ".composegen.lock"}
