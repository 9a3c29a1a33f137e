"""What `docker exec CONTAINER env` shows is what every SSH session sees: by whichever client, user, shell and kind of session."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paramiko
import pytest

from composegen.model import Choices
from tests.support.box import Box, make_box
from tests.support.engine import Engine, bootstrap, free_port, tear_down, unique_name

pytestmark = pytest.mark.engine

OLD_SSHD = Path(__file__).resolve().parents[1] / "standins/contract/old-sshd.sh"
TOOL_PATH = "/opt/tool/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FROM_IMAGE = {"PATH": TOOL_PATH, "CUDA_HOME": "/usr/local/cuda 12", "LD_LIBRARY_PATH": "/usr/local/cuda/lib64"}
FROM_COMPOSE = {
    "SPACES": "  two  spaces and one at the end ",
    "HASH": "a#b # not a comment",
    "QUOTES": '"double" \'single\' odd"',
    "DOLLAR": "$HOME ${PATH} $$ $(id)",
    "BACKSLASH": '\\ \\\\ \\n \\" C:\\dir\\',
    "PERCENT": "%h %% %(ENV_HOME)s",
    "BACKTICKS": "`id`",
    "LONG": ("a b#c \"q\" 'r' \\n $x `y` %h " * 111)[:3000],
    "EMPTY": "",
    "TAB": "a\tb",
    "CARRIAGE_RETURN": "a\rb",
    "EQUALS": "=a=b==",
    "SHELL_WORDS": "; exit 1 & | < > * ? [a] !x ~",
    "UNICODE": "密码 ß",
    "my.odd-name": "odd",
    "COMPOSEGEN_OF_THE_USER": "passes",
    "SSH_USER_NOTE": "passes, too",
}
OWN = {  # of a session, whatever the container has
    "USER": "nobody-1",
    "LOGNAME": "nobody-2",
    "SHELL": "/bin/false",
    "TERM": "vt-none",
    "BASH_ENV": "/nonexistent/1",
    "ENV": "/nonexistent/2",
    "SSH_PASSWORD": "planted-secret",
}
SHELLS_OWN = {"HOME", "HOSTNAME", "PWD", "OLDPWD", "SHLVL", "_"}
BROKEN = {"TWO_LINES": "one\ntwo"}

# Without line breaks or prompts in what comes back, whatever terminal or shell is between.
SAY = 'printf "<%s>" "$(env -0 | base64 -w0)"'
SAID = re.compile(r"<([A-Za-z0-9+/=]{40,})>")
IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_]*")

KINDS: dict[str, dict[str, str]] = {
    "a command": {"command": SAY},
    "bash on standard input": {"command": "bash", "stdin": f"{SAY}\n"},
    "a login shell": {"command": f"$SHELL -lc '{SAY}'"},
    "a terminal": {"stdin": f"{SAY}; exit\n"},
}


def variables(said: str) -> dict[str, str]:
    """What SAY printed, in whatever noise. Raises AssertionError: it did not."""
    found = SAID.search(said.replace("\r", "").replace("\n", ""))
    assert found, said
    entries = base64.b64decode(found[1]).decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def with_openssh(box: Box, user: str, kind: dict[str, str]) -> str:
    return box.ssh(kind.get("command", ""), user=user, stdin=kind.get("stdin", ""), tty="command" not in kind).stdout


def login(box: Box, user: str) -> paramiko.SSHClient:
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect("127.0.0.1", box.port, user, key_filename=str(box.key), allow_agent=False, look_for_keys=False)
    return client


def with_paramiko(box: Box, user: str, kind: dict[str, str]) -> str:
    with login(box, user) as client:
        if "command" not in kind:
            shell = client.invoke_shell(width=200)
            shell.settimeout(30)
            shell.sendall(kind["stdin"].encode())
            return b"".join(iter(lambda: shell.recv(65536), b"")).decode()
        stdin, stdout, _ = client.exec_command(kind["command"], timeout=30)
        stdin.write(kind.get("stdin", ""))
        stdin.channel.shutdown_write()
        return stdout.read().decode()


CLIENTS: dict[str, Callable[[Box, str, dict[str, str]], str]] = {"OpenSSH": with_openssh, "paramiko": with_paramiko}


@dataclass(frozen=True)
class Running:
    """A container, and what `docker exec CONTAINER env` shows."""

    box: Box
    shown: dict[str, str]

    def expected(self, shell: str = "bash") -> dict[str, str]:
        """What sessions must have of it. dash passes on only what it could name itself, under `docker exec`, too."""
        kept = {name: value for name, value in self.shown.items() if name not in {*OWN, *BROKEN, *SHELLS_OWN}}
        return {name: value for name, value in kept.items() if shell != "sh" or IDENTIFIER.fullmatch(name)}


@pytest.fixture(scope="module", params=["Debian 11", "Debian 12", "Debian 13", "OpenSSH 7.6"])
def running(request: pytest.FixtureRequest, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    suite = {"Debian 12": "bookworm", "Debian 13": "trixie"}.get(request.param, "bullseye")
    with container(engine, tmp_path_factory.mktemp("environment"), suite, old_sshd=request.param == "OpenSSH 7.6") as box:
        set_environment(box, {**FROM_COMPOSE, **OWN, **BROKEN})
        yield Running(box.up(), shown(box))


@contextlib.contextmanager
def container(engine: Engine, directory: Path, suite: str, *, old_sshd: bool) -> Iterator[Box]:
    """A folder on a Debian, with three shells, variables of an image, and a program under supervisor that writes down its own."""
    reason = bootstrap(f"composegen-base:{suite}")
    assert not reason, reason
    folder = directory / unique_name()
    user = {"SSH_AUTHORIZED_KEYS": "own", "SSH_USER": "alice", "USER_UID": "1234", "USER_GID": "1234"}
    box = make_box(engine, folder, folder.name, free_port(), Choices("python", "cpu"), base=f"composegen-base:{suite}", **user)
    (folder / "apt.txt").write_text("zsh\n")
    (folder / "container/says.sh").write_text("#!/bin/bash\nenv -0 | base64 -w0 >/run/says\nexec sleep infinity\n")
    supervisor = folder / "container/supervisord.py"
    program = "[program:says]\ncommand=/etc/composegen/says.sh\n\n"
    supervisor.write_text(supervisor.read_text().replace("[program:sshd]", f"{program}[program:sshd]"))
    lines = [f"ENV {name}={json.dumps(value)}" for name, value in FROM_IMAGE.items()]
    # Without a file of its own, zsh asks a newcomer questions.
    lines.append("RUN touch /etc/skel/.zshrc /root/.zshrc")
    if old_sshd:
        (folder / "container/old-sshd.sh").write_text(OLD_SSHD.read_text())
        lines.append("RUN mv /usr/sbin/sshd /usr/sbin/sshd.real && cp /etc/composegen/old-sshd.sh /usr/sbin/sshd")
    dockerfile = folder / "Dockerfile"
    head, end, tail = dockerfile.read_text().partition("WORKDIR /home/code")
    assert end
    dockerfile.write_text(head + "".join(f"{line}\n" for line in lines) + end + tail)
    try:
        yield box
    finally:
        tear_down(engine, box.name)


def set_environment(box: Box, environment: dict[str, str]) -> None:
    """As a user does, in compose.override.yaml; JSON is YAML, and `$$` is how Compose says `$`."""
    escaped = {name: value.replace("$", "$$") for name, value in environment.items()}
    (box.path / "compose.override.yaml").write_text(json.dumps({"services": {"dev": {"environment": escaped}}}))


def shown(box: Box) -> dict[str, str]:
    """What `docker exec CONTAINER env` shows."""
    return variables(box.inside("bash", "-c", SAY))


def use_shell(box: Box, user: str, shell: str) -> None:
    box.inside("usermod", "--shell", f"/bin/{shell}", user)


@pytest.mark.parametrize("shell", ["bash", "sh", "zsh"])
@pytest.mark.parametrize("user", ["root", "alice"])
def test_every_kind_of_session_sees_what_docker_exec_shows(running: Running, user: str, shell: str) -> None:
    use_shell(running.box, user, shell)
    expected = running.expected(shell)
    assert {**FROM_IMAGE, **FROM_COMPOSE}.items() <= running.expected().items(), "what was asked for is there"
    # The shell does not know which client asks: one is enough for the second and third.
    for client in CLIENTS if shell == "bash" else ["OpenSSH"]:
        for kind, call in KINDS.items():
            seen = variables(CLIENTS[client](running.box, user, call))
            assert {name: seen.get(name) for name in expected} == expected, f"{kind} of {user} with {shell} over {client}"
            assert not {*OWN.values(), *BROKEN.values()} & {*seen.values()}, f"{kind} of {user} with {shell} over {client}"


def test_what_a_supervisor_starts_sees_it_too(running: Running) -> None:
    seen = variables(f"<{running.box.inside('cat', '/run/says')}>")
    expected = {**running.expected(), **BROKEN}
    assert {name: seen.get(name) for name in expected} == expected


def test_a_line_break_is_named_in_the_log_once(running: Running) -> None:
    assert running.box.logs().count("warning: TWO_LINES holds a line break and cannot reach SSH sessions") == 1
    assert "entrypoint failed" not in running.box.logs()


def test_a_restart_keeps_it(running: Running) -> None:
    running.box.compose("restart")
    running.box.wait()
    expected = running.expected()
    for user in ("root", "alice"):
        use_shell(running.box, user, "bash")
        seen = variables(with_openssh(running.box, user, KINDS["a login shell"]))
        assert {name: seen.get(name) for name in expected} == expected, user


@pytest.mark.parametrize("user", ["root", "alice"])
def test_sftp_works_also_where_startup_files_are_noisy(running: Running, user: str, tmp_path: Path) -> None:
    box = running.box
    use_shell(box, user, "bash")
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(secrets.token_bytes(100_000))
    for noise in (":", "echo noise; echo more >&2"):
        home = box.inside("bash", "-c", f"echo ~{user}")
        box.inside("bash", "-c", f"for f in {home}/.bashrc {home}/.profile /etc/zsh/zshenv; do sed -i '1i {noise}' $f; done")
        batch = f"put {sent} over-sftp\nget over-sftp {back}\nrm over-sftp\n"
        done = box.engine.shell(*box.client(f"-i{box.key}", "-oBatchMode=yes", program="sftp"), f"{user}@127.0.0.1", stdin=batch)
        assert done.returncode == 0, done.stderr
        assert back.read_bytes() == sent.read_bytes()
        with login(box, user) as client, client.open_sftp() as sftp:
            with sftp.open("over-paramiko", "wb") as file:
                file.write(sent.read_bytes())
            with sftp.open("over-paramiko", "rb") as file:
                assert file.read() == sent.read_bytes()
            sftp.remove("over-paramiko")
        back.unlink()


def test_more_variables_than_sshd_can_hand_on_still_let_people_in(running: Running) -> None:
    """A configuration of 256 KiB, or 1,000 variables of a session, would end every login."""
    box, many = running.box, {f"MANY_{number:04}": str(number).rjust(350) for number in range(950)}
    set_environment(box, many)
    box.compose("up", "--detach")
    box.wait()
    left_out = set(re.findall(r"warning: (MANY_\d+) is too much for this sshd", box.logs()))
    assert 40 < len(left_out) < 70
    for user in ("root", "alice"):
        use_shell(box, user, "bash")
        seen = variables(with_openssh(box, user, KINDS["a command"]))
        assert {name for name, value in many.items() if seen.get(name) != value} == left_out, user
