"""What IDEs do on the way in, replayed with the OpenSSH client on Debian 12, with servers of a few lines in place of theirs.

The sequences are those that are known of the IDEs: VS Code's Remote-SSH runs `ssh -T -D PORT HOST bash` with its script on standard
input and reaches its server through the dynamic forward (microsoft/vscode-docs, docs/remote/troubleshooting.md); JetBrains Gateway
probes with `uname -sm` and `echo $SHELL`, runs `$SHELL -lc 'echo REMOTE_EXEC_OUTPUT_MARKER_ && …'`, uploads over SFTP, unpacks in
~/.cache/JetBrains/RemoteDev/dist and reaches its backend through a local forward (loft-sh/devpod#300). Nothing of
either IDE runs here.
"""

from __future__ import annotations

import contextlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from composegen.model import Choices
from tests.support.archives import SERVER
from tests.support.box import Box, make_box
from tests.support.engine import Engine, free_port, tear_down, unique_name
from tests.support.ssh_client import greeting

pytestmark = pytest.mark.engine

CHANNELS = 20  # at once on one connection; OpenSSH's own limit is 10

VSCODE = """
set -e
uname -s; uname -m
for tool in tar mkdir ps; do command -v $tool >/dev/null; done
command -v curl >/dev/null || command -v wget >/dev/null
server=$HOME/.vscode-server/bin/0123abcd
mkdir -p "$server"
cat >"$server/server.py" <<'END'
{server}
END
cd "$server"
nohup python3 server.py port vscode >log 2>&1 </dev/null &
for _ in $(seq 100); do if [ -s port ]; then break; fi; sleep 0.1; done
echo "listeningOn==$(cat port)=="
"""


@pytest.fixture(scope="module")
def box(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("ide") / unique_name()
    user = {"SSH_AUTHORIZED_KEYS": "own", "SSH_USER": "alice", "USER_UID": "1234", "USER_GID": "1234"}
    made = make_box(engine, folder, folder.name, free_port(), Choices("python", "cpu"), base=base_image, **user)
    try:
        yield made.up()
    finally:
        tear_down(engine, made.name)


def argv(box: Box, user: str, *options: str, program: str = "ssh") -> list[str]:
    return [*box.client("-oBatchMode=yes", f"-i{box.key}", *options, program=program), f"{user}@127.0.0.1"]


@pytest.mark.parametrize("user", ["root", "alice"])
def test_vs_code_installs_its_server_and_reaches_it_through_the_dynamic_forward(box: Box, user: str, free_port: int) -> None:
    """`ssh -T -D PORT HOST bash`; the script stays on the line, as VS Code's does, and its connection carries the forward."""
    with subprocess.Popen(
        [*argv(box, user, "-T", f"-D127.0.0.1:{free_port}"), "bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as connection:
        assert connection.stdin and connection.stdout
        connection.stdin.write(VSCODE.format(server=SERVER))
        connection.stdin.flush()
        assert connection.stdout.readline() == "Linux\n"
        assert connection.stdout.readline()
        said = connection.stdout.readline()
        assert said.startswith("listeningOn=="), said
        remote = int(said.split("==")[1])
        # SOCKS 4: connect, port, address, an empty user name (https://www.openssh.com/txt/socks4.protocol).
        request = b"\x04\x01" + remote.to_bytes(2, "big") + bytes([127, 0, 0, 1, 0])
        assert greeting(free_port, request=request, answer=8) == "IDE server of vscode"
        # The window's second connection finds the server that the first one started.
        again = box.ssh("bash", user=user, stdin="cat ~/.vscode-server/bin/0123abcd/port; pgrep -f 'server.py port vscode'\n")
        assert again.stdout.splitlines()[0] == str(remote) and len(again.stdout.split()) >= 2
        connection.stdin.close()
    # The window is closed and opened again: what nohup started is still there.
    assert box.ssh("pgrep -u $(id -u) -f 'server.py port vscode'", user=user).returncode == 0
    box.ssh("pkill -u $(id -u) -f 'server.py port vscode'", user=user)


@pytest.mark.parametrize("user", ["root", "alice"])
def test_gateway_deploys_its_backend_and_reaches_it_on_one_connection(box: Box, user: str, tmp_path: Path, free_port: int) -> None:
    """Probes, SFTP upload, unpacking, start and local forward, all as channels of one connection, then many at once."""
    with one_connection(box, user) as shared:
        assert run(box, user, shared, "uname -sm").split()[0] == "Linux"
        assert run(box, user, shared, "echo $SHELL") == "/bin/bash\n"

        archive = tmp_path / "ide.tar.gz"
        write_archive(archive)
        dist = ".cache/JetBrains/RemoteDev/dist"
        run(box, user, shared, login_shell(f"mkdir -p ~/{dist}"))
        done = subprocess.run(
            argv(box, user, shared, program="sftp"), input=f"put {archive} {dist}/\n", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        run(box, user, shared, login_shell(f"cd ~/{dist} && tar -xzf ide.tar.gz && test -x ide-1.0/bin/remote-dev-server.sh"))
        start = f"cd ~/{dist}/ide-1.0 && rm -f port && (nohup bin/remote-dev-server.sh >log 2>&1 </dev/null &)"
        run(box, user, shared, login_shell(start))
        wait = "for _ in $(seq 100); do if [ -s port ]; then break; fi; sleep 0.1; done; cat port"
        remote = int(run(box, user, shared, login_shell(f"cd ~/{dist}/ide-1.0; {wait}")).split()[-1])

        subprocess.run(argv(box, user, shared, "-Oforward", f"-L127.0.0.1:{free_port}:127.0.0.1:{remote}"), check=True, timeout=30)
        assert greeting(free_port) == "IDE server of gateway"

        many = [
            subprocess.Popen([*argv(box, user, shared), "read -r line; echo $line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            for _ in range(CHANNELS)
        ]
        assert greeting(free_port) == "IDE server of gateway", "forwards go on beside them"
        # Each waits for its line, so that all are open at once.
        assert [each.communicate(b"open\n", timeout=60)[0] for each in many] == [b"open\n"] * CHANNELS
    box.ssh("pkill -u $(id -u) -f 'server.py port gateway'", user=user)


@contextlib.contextmanager
def one_connection(box: Box, user: str) -> Iterator[str]:
    """The option that makes every ssh and sftp a channel of one connection, and never opens another."""
    # A Unix socket's path has at most 107 bytes, and pytest's directories are long.
    with tempfile.TemporaryDirectory(prefix="cg-", dir="/tmp") as directory:
        path = f"{directory}/s"
        subprocess.run(argv(box, user, f"-oControlPath={path}", "-oControlMaster=yes", "-oControlPersist=yes", "-fN"), check=True)
        try:
            yield f"-oControlPath={path}"
        finally:
            subprocess.run(argv(box, user, f"-oControlPath={path}", "-Oexit"), capture_output=True, timeout=30)


def run(box: Box, user: str, shared: str, command: str) -> str:
    done = subprocess.run([*argv(box, user, shared), command], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def login_shell(command: str) -> str:
    return f"$SHELL -lc 'echo REMOTE_EXEC_OUTPUT_MARKER_ && {command}'"


def write_archive(path: Path) -> None:
    files = {
        "ide-1.0/bin/remote-dev-server.sh": "#!/bin/bash\nexec python3 server.py port gateway\n",
        "ide-1.0/server.py": SERVER,
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text), 0o755
            archive.addfile(entry, io.BytesIO(text.encode()))


def test_the_environment_over_ssh_is_docker_execs(box: Box) -> None:
    """By hand: `ssh HOST env` beside `docker exec CONTAINER env`."""
    own = {"HOME", "USER", "LOGNAME", "SHELL", "PWD", "TERM", "SHLVL", "HOSTNAME", "BASH_ENV", "ENV", "SSH_PASSWORD"}
    there, here = (dict(line.split("=", 1) for line in text.splitlines()) for text in (box.inside("env"), box.ssh("env").stdout))
    assert {name: value for name, value in there.items() if name not in own and here.get(name) != value} == {}
    assert "PATH" in there
