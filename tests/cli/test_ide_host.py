"""`composegen ide install gateway|toolbox` as the commands that users type: as somebody without rights, and as root."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.ide.test_desktop import needs_validator
from tests.support import archives
from tests.support.cli import Cli
from tests.support.feed import Site, serving
from tests.support.host_archives import gateway, toolbox

NOBODY = 65534


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that another user can get into; pytest's own is for the caller alone."""
    folder = Path(mkdtemp(prefix="cg-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def somebody(public: Path) -> Cli:
    """A user who may not write to /opt, in a HOME of their own, at a desk with bash."""
    home = public / "home"
    home.mkdir()
    env = {"SHELL": "/bin/bash", "SSH_CONNECTION": ""}
    if os.geteuid() != 0:
        if os.access("/opt", os.W_OK):
            pytest.skip("this user may write to /opt, which a test must not")
        return Cli(home, env)
    os.chown(home, NOBODY, NOBODY)
    become = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    if subprocess.run([*become, sys.executable, "-c", ""], capture_output=True).returncode != 0:
        pytest.skip("another user may not run this Python")
    return Cli(home, env, prefix=become)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as served:
        yield served


@needs_validator
def test_without_rights_it_goes_below_home_and_leaves_no_trace_there(somebody: Cli, public: Path, site: Site) -> None:
    site.release("GW", gateway(public), version="2024.3.1", build="243.22562.220")
    before = sorted(somebody.home.rglob("*"))
    env = {**site.environment, "XDG_CACHE_HOME": str(somebody.home / ".cache")}
    would = somebody("ide", "install", "gateway", "--dry-run", env=env).ok().stdout
    assert f"would be installed: {somebody.home}/.local/opt/jetbrains-gateway" in would and "to download" in would
    assert sorted(somebody.home.rglob("*")) == before

    done = somebody("ide", "install", "gateway", env=env).ok()
    local = somebody.home / ".local"
    assert f"JetBrains Gateway 2024.3.1 (243.22562.220) is installed: {local}/opt/jetbrains-gateway/" in done.stdout
    assert "  verified  with http://" in done.stdout and "its successor: `composegen ide install toolbox`" in done.stdout
    assert (
        f'{local}/bin is not on PATH; add this line to ~/.profile, and log in again: export PATH="$HOME/.local/bin:' in done.stdout
    )
    entry = local / "share/applications/jetbrains-gateway.desktop"
    subprocess.run(["desktop-file-validate", str(entry)], check=True)
    shell = subprocess.run(
        ["bash", "-c", 'export PATH="$HOME/.local/bin:$PATH"; gateway now'],
        env={**somebody.environment()},
        capture_output=True,
        text=True,
    )
    assert shell.stdout == "gateway 243.22562.220 now\n"
    again = somebody("ide", "install", "gateway", "--json", env=env).ok().json
    assert (again["state"], again["build"], again["launcher"]) == ("already there", "243.22562.220", f"{local}/bin/gateway")

    gone = somebody("ide", "install", "gateway", "--uninstall", "--json").ok().json
    assert (gone["state"], gone["notes"]) == ("removed", [])
    assert {path.relative_to(somebody.home).parts[0] for path in somebody.home.rglob("*")} == {".cache"}
    assert somebody("ide", "remove", "gateway").code == 1


@needs_validator
@pytest.mark.skipif(not shutil.which("xdg-open"), reason="no xdg-open: scripts/install-test-tools.sh")
def test_connect_opens_its_link_in_the_gateway_that_was_installed(somebody: Cli, public: Path) -> None:
    """The real xdg-open, as it is where no desktop is known: it asks the cache, and runs what the entry says."""
    somebody("ide", "install", "gateway", "--archive", str(gateway(public))).ok()
    somebody("init", "python", "work", "--name", "work", cwd=somebody.home).ok()
    started = somebody.home / "started"
    # So that nothing which the caller's own desktop has opens it.
    path = f"{public}:/usr/bin:/bin"
    env = {
        "DISPLAY": ":99",
        "XDG_CURRENT_DESKTOP": "X-Generic",
        "STARTED": str(started),
        "DOCKER_HOST": "unix:///nowhere",
        "PATH": path,
    }
    link = somebody("connect", "work", "--ide", "gateway", "--open", cwd=somebody.home, env=env).ok().stdout
    assert link.startswith("jetbrains-gateway://connect#host=127.0.0.1&port=") and started.read_text() == link


# A mount namespace has the real paths, and leaves nothing on this machine.
APART = """
mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work && mount -t tmpfs -o nr_inodes={inodes} none /opt &&
mount -t overlay overlay -o lowerdir=/usr/local,upperdir=/mnt/upper,workdir=/mnt/work /usr/local || exit 77
set -eu
"""
SYSTEM = """
umask 077
{install} --archive {old} >/dev/null
{install} --archive {new} --json >/mnt/installed
desktop-file-validate /usr/local/share/applications/jetbrains-toolbox.desktop
setpriv --reuid=65534 --regid=65534 --clear-groups jetbrains-toolbox of another user
{install} --uninstall >/dev/null
find /opt /mnt/upper -type f -o -type l
"""


FULL = """
{install} --archive {old} || echo $?
find /opt /mnt/upper -type f -o -type l
"""


def as_root(composegen: Cli, script: str, inodes: int, **archives: Path) -> subprocess.CompletedProcess[str]:
    install = shlex.join(composegen.argv("ide", "install", "toolbox"))
    env = {**composegen.environment(), "PATH": f"/usr/local/bin:{os.environ['PATH']}"}
    argv = ["unshare", "--mount", "sh", "-c", APART.format(inodes=inodes) + script.format(install=install, **archives)]
    done = subprocess.run(argv, env=env, capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(f"no mounts here: {done.stderr.strip()}")
    return done


@needs_validator
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write to /opt")
def test_root_installs_for_everybody(composegen: Cli, tmp_path: Path) -> None:
    done = as_root(composegen, SYSTEM, 1000, old=toolbox(tmp_path), new=toolbox(tmp_path, "3.0.0.59313"))
    assert (done.returncode, done.stdout) == (0, "toolbox 3.0.0.59313 of another user\n"), done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may write to /opt")
def test_a_disk_that_gets_full_meanwhile_is_explained_and_nothing_is_left(composegen: Cli, tmp_path: Path) -> None:
    """It has bytes enough, and no room for so many files."""
    done = as_root(composegen, FULL, 8, old=toolbox(tmp_path))
    assert done.stdout == "1\n" and "No space left on device\n  hint: make space there" in done.stderr, done


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["gatewya"], 2, "did you mean 'gateway'?"),
        (["gateway", "work"], 2, "JetBrains Gateway goes on this machine, not into work"),
        (["gateway", "--archive", "nowhere.tar.gz"], 2, "there is no file nowhere.tar.gz"),
        (["gateway", "--archive", "{pycharm}"], 1, "pycharm.tar.gz is PyCharm, not JetBrains Gateway"),
        (["gateway", "--archive", "{pycharm}", "--sha256", "0" * 64], 1, "and --sha256 says 0000"),
        (["toolbox"], 1, "http://127.0.0.1:9/products/releases?code=TBA&type=release&latest=true cannot be reached"),
    ],
)
def test_bad_input_is_explained(somebody: Cli, public: Path, arguments: list[str], code: int, said: str) -> None:
    pycharm = archives.ide(public / "pycharm.tar.gz")
    env = {"COMPOSEGEN_IDE_FEED": "http://127.0.0.1:9/products/releases", "NO_PROXY": "127.0.0.1"}
    result = somebody("ide", "install", *(each.format(pycharm=pycharm) for each in arguments), env=env)
    assert (result.code, result.stdout) == (code, "") and said in result.stderr and "Traceback" not in result.stderr, result
    assert "  hint: " in result.stderr and not list(somebody.home.rglob("*"))


def test_a_home_that_may_not_be_written_is_explained(somebody: Cli, public: Path) -> None:
    (somebody.home / ".local").mkdir(mode=0o555)
    result = somebody("ide", "install", "gateway", "--archive", str(gateway(public)))
    assert result.code == 1 and "hint: with sudo it goes to /opt, for everybody" in result.stderr
    assert f"{somebody.home}/.local may not be written by you, or is mounted read-only" in result.stderr


def test_somebody_elses_installation_is_not_removed(composegen: Cli, somebody: Cli, public: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes it somebody else's")
    home = somebody.home / ".local/opt/jetbrains-gateway"
    somebody("ide", "install", "gateway", "--archive", str(gateway(public))).ok()
    for path in (home, *home.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    result = somebody("ide", "remove", "gateway")
    assert result.code == 1 and f"{home} belongs to uid 12345" in result.stderr
    result = somebody("ide", "install", "gateway", "--archive", str(gateway(public)))
    assert result.code == 1 and f"{home} belongs to uid 12345" in result.stderr
