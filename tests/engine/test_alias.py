"""`ssh composegen-NAME` through `composegen up` itself, with the real client, on one container that the tests share.

Each test has a HOME of its own. ssh takes the home from the password database, so it is told which file to read.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.engine.conftest import Work
from tests.ssh.servers import prepared_sshd
from tests.support.cli import ROOT, Cli
from tests.support.laptop import Machine

pytestmark = pytest.mark.engine

STANDIN = ROOT / "tests/standins/nvidia-smi"
CAPTURING = (
    "Host *\n  User bob\n  Port 1\n  HostName example.org\n  ProxyJump gateway\n  ForwardAgent yes\n  IdentityFile ~/.ssh/id\n"
)
PATIENCE = 60  # seconds for what takes two


@pytest.fixture(scope="module")
def up(shared: Work) -> Work:
    """A folder whose container runs; made without a terminal."""
    shared("up", "--no-test", "--no-ssh-config").ok()
    return shared


@pytest.fixture
def work(up: Work, tmp_path: Path) -> Work:
    """The same folder in a HOME without `.ssh`, where composegen knows what it built and has its key."""
    for folder in (".config/composegen", ".local/state/composegen"):
        shutil.copytree(up.cli.home / folder, tmp_path / "home" / folder)
    return replace(up, cli=Cli(home=tmp_path / "home"))


def home(work: Work) -> Path:
    return work.cli.home


def config(work: Work) -> Path:
    return home(work) / ".ssh" / "config"


def own_file(work: Work) -> Path:
    return home(work) / ".config/composegen/ssh_config"


def written(work: Work, content: bytes) -> Path:
    config(work).parent.mkdir(mode=0o700, parents=True)
    config(work).write_bytes(content)
    config(work).chmod(0o600)
    return config(work)


def ssh(
    work: Work, *words: str, file: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`ssh composegen-NAME WORDS`, with what stands in the HOME of `work`."""
    argv = ["ssh", "-F", str(file or config(work)), *words[:-1], f"composegen-{work.project}", *words[-1:]]
    done = subprocess.run(
        argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})}, timeout=PATIENCE
    )
    assert "IDENTIFICATION HAS CHANGED" not in done.stderr
    return done


def says(work: Work, command: str) -> str:
    done = ssh(work, command)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def typed(work: Work, *arguments: str, answer: str) -> tuple[int, str]:
    """Exit code and what was shown on a terminal where somebody gives that answer to every question."""
    outer, terminal = pty.openpty()
    process = subprocess.Popen(
        work.cli.argv(*arguments),
        cwd=work.path,
        env=work.cli.environment(),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown, answered = b"", 0
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if select.select([outer], [], [], 0.2)[0]:
            try:
                shown += os.read(outer, 4096)
            except OSError:  # the other side is closed
                break
        if shown.count(b"[y/N] ") > answered:
            answered += 1
            os.write(outer, answer.encode() + b"\n")
    os.close(outer)
    return process.wait(timeout=PATIENCE), shown.decode()


# --- The alias comes ------------------------------------------------------------------------------------------------------


def test_without_a_terminal_the_users_file_is_not_touched_and_the_one_line_is_said(work: Work) -> None:
    path = written(work, b"Host a\n")
    done = work("up", "--json").ok()
    assert path.read_bytes() == b"Host a\n"
    assert done.json["alias"] is None
    (line,) = re.findall(r"alias .*--ssh-config.*(Include \".*\")", done.stderr)
    assert ssh(work, "echo in", file=own_file(work)).stdout == "in\n"  # the file of ours is one that ssh reads

    path.write_text(f"{line}\nHost a\n")
    assert says(work, "echo in") == "in\n"
    assert work("up", "--json").ok().json["alias"] == f"composegen-{work.project}"  # the user's own line counts


def test_nvidia_smi_just_works_also_with_an_earlier_host_star(work: Work) -> None:
    path = written(work, CAPTURING.encode())
    work.engine("cp", str(STANDIN), f"{work.project}:/usr/local/bin/nvidia-smi")
    shown = work("up", "--ssh-config").ok().stdout.splitlines()
    assert "stand-in GPU" in says(work, "nvidia-smi")
    assert path.read_text().endswith(CAPTURING) and path.read_text().count("Include") == 1
    (line,) = [line for line in shown if line.startswith("  alias  ")]
    assert line.endswith(f"composegen-{work.project}")
    # What is printed can be pasted; this HOME is not the one that ssh would look into.
    pasted = subprocess.run([*line.split()[1:], "nvidia-smi"], capture_output=True, text=True, timeout=PATIENCE)
    assert "stand-in GPU" in pasted.stdout


def test_a_person_is_asked_once_and_a_yes_is_enough(work: Work) -> None:
    code, shown = typed(work, "up", answer="y")
    assert (code, shown.count("[y/N]")) == (0, 1)
    assert f"{home(work)}/.ssh/config" in shown
    assert says(work, "echo in") == "in\n"
    code, shown = typed(work, "up", answer="n")
    assert (code, shown.count("[y/N]")) == (0, 0)
    assert says(work, "echo in") == "in\n"


def test_a_no_is_remembered_also_when_the_alias_was_gone_meanwhile(work: Work) -> None:
    code, shown = typed(work, "up", answer="")
    assert (code, shown.count("[y/N]")) == (0, 1)
    assert not config(work).exists() and own_file(work).exists()
    own_file(work).unlink()
    code, shown = typed(work, "up", answer="y")
    assert (code, shown.count("[y/N]")) == (0, 0)
    assert not config(work).exists() and "--ssh-config" in shown


def test_no_ssh_config_writes_nothing_and_print_shows_what_can_be_pasted(work: Work) -> None:
    work("up", "--no-ssh-config").ok()
    printed = work("up", "--print").ok()
    assert f"{work.project} is ready" in printed.stderr
    assert work("up", "--print", "--json").ok().json["ssh_config"] == printed.stdout
    assert not config(work).parent.exists() and not own_file(work).exists()
    written(work, printed.stdout.encode())
    assert says(work, "echo in") == "in\n"


# --- It stays right, and goes ---------------------------------------------------------------------------------------------


def test_an_alias_that_is_wrong_is_put_right_by_up_and_start(work: Work) -> None:
    work("up", "--ssh-config").ok()
    right = own_file(work).read_text()
    assert f"Port {work.port}\n" in right
    for command in ("up", "start"):  # a restart goes the same way
        own_file(work).write_text(right.replace(f"Port {work.port}", "Port 1").replace("User root", "User bob"))
        work(command).ok()
        assert own_file(work).read_text() == right, command
    own_file(work).unlink()
    work("start").ok()
    assert not own_file(work).exists()  # where there is none, nobody asked for it


def test_rm_and_down_take_it_out_without_a_trace_also_where_the_container_was_gone(work: Work) -> None:
    path = written(work, CAPTURING.encode())
    work("up", "--no-test", "--ssh-config").ok()
    published = {file: file.read_bytes() for file in (path, own_file(work))}
    assert f"would remove alias composegen-{work.project}" in work("rm", "--dry-run").ok().stdout
    assert says(work, "echo in") == "in\n"
    for command, there in (("rm", True), ("down", False)):
        for file, content in published.items():
            file.write_bytes(content)
        done = work(command).ok()
        assert f"alias composegen-{work.project}" in done.stderr and ("there is no container" in done.stderr) is not there
        assert path.read_text() == CAPTURING and not own_file(work).exists()
    assert "alias" not in work("down").ok().stderr


# --- `composegen connect` -------------------------------------------------------------------------------------------------


def test_connect_knows_the_interpreter_and_says_so_where_a_login_shell_finds_another(work: Work) -> None:
    work("up", "--no-test", "--ssh-config").ok()
    found = work("connect", "--json").ok().json
    assert (found["alias"], found["alias_works"], found["port"]) == (f"composegen-{work.project}", True, work.port)
    assert found["interpreter"] == "/usr/local/bin/python" and found["reason"] is None
    assert set(found["pythons"].values()) == {"/usr/local/bin/python"} and found["python"].startswith("3.")
    assert work("connect", "--ide", "vscode").ok().stdout == f"vscode://vscode-remote/ssh-remote+{found['alias']}/home/code\n"

    backend = "/opt/pycharm 2026/bin/remote-dev-server.sh"
    register = "mkdir -p ~/.cache/JetBrains/RemoteDev/userProvidedDist && cd $_ && ln -sfn '/opt/pycharm 2026' _opt_pycharm"
    spoil = f"mkdir -p /opt/x '/opt/pycharm 2026/bin' && ln -s /bin/true '{backend}' && ln -s /bin/true /opt/x/python && {register}"
    work.engine("exec", work.project, "bash", "-c", f"{spoil}; echo 'PATH=/opt/x:$PATH' >/etc/profile.d/zzz-x.sh")
    try:
        found = work("connect", "--json").ok().json
        assert found["interpreter"] == "/usr/local/bin/python"
        assert "a login shell finds /opt/x/python: choose /usr/local/bin/python" in found["reason"]
        assert "&idePath=%2Fopt%2Fpycharm%202026&" in found["links"]["gateway-backend"]
    finally:
        gone = "/etc/profile.d/zzz-x.sh /opt/x /opt/pycharm* ~/.cache/JetBrains/RemoteDev/userProvidedDist"
        work.engine("exec", work.project, "bash", "-c", f"rm -rf {gone}")


@pytest.mark.skipif(os.geteuid() != 0, reason="a HOME of the laptop's own needs root")
def test_the_laptops_block_leads_into_the_real_container(work: Work, tmp_path: Path, free_port: int) -> None:
    (tmp_path / "server").mkdir()
    server, laptop = prepared_sshd(tmp_path / "server", free_port), Machine(tmp_path / "laptop")
    (laptop.home / ".ssh").mkdir(mode=0o700, parents=True)
    shutil.copy(home(work) / ".config/composegen/id_ed25519", laptop.home / ".ssh/id_ed25519")
    (server.directory / "authorized_keys").write_text((home(work) / ".config/composegen/id_ed25519.pub").read_text())
    (laptop.home / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{free_port} {server.host_key}\n")
    server.start()
    try:
        server.wait()
        block = work("connect", "--laptop", "--server", f"root@127.0.0.1:{free_port}").ok().stdout
        assert laptop("sh", stdin=block).returncode == 0
        done = laptop("ssh", f"composegen-{work.project}", "cat /etc/composegen/interpreter")
        assert (done.returncode, done.stdout, done.stderr) == (0, "/usr/local/bin/python\n", "")
    finally:
        server.stop()


# --- Bad input: up succeeds, and explains ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", [b"# \xff\xfe caf\xe9\nHost *\n  User bob\n", b"Host *\r\n  User bob\r\n", b"Match all\n  User bob\n  Port 1\n"]
)
def test_bytes_line_ends_and_match_blocks_of_others_stay(work: Work, content: bytes) -> None:
    path = written(work, content)
    work("up", "--ssh-config").ok()
    assert path.read_bytes().endswith(content)
    assert says(work, "id -un") == "root\n"


def not_a_folder(folder: Path) -> None:
    folder.write_text("a file\n")


def of_somebody_else(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "config").write_text("Host a\n")
    os.chown(folder / "config", 12345, -1)


def read_only(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    (folder / "config").write_text("Host a\n")
    (folder / "config").chmod(0o400)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (not_a_folder, "is not a folder"),
        (read_only, "is read-only"),
        pytest.param(
            of_somebody_else,
            "owned by user 12345",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away"),
        ),
    ],
)
def test_a_file_that_is_not_to_be_changed_is_no_reason_to_fail(work: Work, spoil: object, said: str) -> None:
    assert callable(spoil)
    spoil(home(work) / ".ssh")
    done = work("up", "--ssh-config", "--json").ok()
    assert said in done.stderr and "hint: put this line at its top yourself: Include" in done.stderr
    assert done.json["alias"] is None
    assert ssh(work, "echo in", file=own_file(work)).stdout == "in\n"


def test_a_file_of_our_own_that_cannot_be_written_is_no_reason_to_fail(work: Work) -> None:
    own_file(work).mkdir(parents=True)
    done = work("up", "--ssh-config", "--json").ok()
    assert "no alias:" in done.stderr and "Traceback" not in done.stderr
    assert done.json["alias"] is None
    assert "Traceback" not in work("start").ok().stderr


def test_two_at_once_write_one_line(work: Work) -> None:
    path = written(work, b"Host a\n")
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(work, "up", "--ssh-config") for _ in range(2)]:
            done.result().ok()
    assert path.read_bytes().count(b"Include") == 1 and path.read_bytes().endswith(b"Host a\n")
    assert own_file(work).read_text().count("Host composegen-") == 1
    assert says(work, "echo in") == "in\n"


# --- The agent ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The socket of a real ssh-agent with one key, and that key's fingerprint."""
    socket, key = tmp_path / "agent", tmp_path / "agents-key"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(socket)], stdout=subprocess.DEVNULL) as process:
        try:
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
            deadline = time.monotonic() + PATIENCE
            while not socket.exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            environment = {**os.environ, "SSH_AUTH_SOCK": str(socket)}
            subprocess.run(["ssh-add", "-q", str(key)], check=True, env=environment)
            listed = subprocess.run(["ssh-add", "-l"], check=True, env=environment, capture_output=True, text=True).stdout
            yield socket, listed.split()[1]
        finally:
            process.terminate()


def test_port_user_and_agent_of_env_reach_the_alias_and_the_agent_only_where_it_was_asked_for(
    work: Work, agent: tuple[Path, str], free_port: int
) -> None:
    socket, fingerprint = agent
    env, asked = {"SSH_AUTH_SOCK": str(socket)}, 'echo "$USER ${SSH_AUTH_SOCK:-none}"'
    work("up", "--ssh-config").ok()
    assert says(work, asked) == "root none\n"
    assert ssh(work, "-A", asked, env=env).stdout == "root none\n"  # the container refuses, whatever the client asks for
    assert work("ssh", "--", asked, env=env).ok().stdout == "root none\n"

    before = (work.path / ".env").read_text()
    foreseen = work("up", "--forward-agent", "--dry-run").ok()
    assert "would write SSH_FORWARD_AGENT=yes" in foreseen.stderr and (work.path / ".env").read_text() == before
    (work.path / ".env").write_text(f"{before}SSH_PORT={free_port}\nSSH_USER=alice\nUSER_UID=1234\n")
    try:
        work("up", "--forward-agent", "--no-test", "--recreate").ok()
        assert "SSH_FORWARD_AGENT=yes\n" in (work.path / ".env").read_text()
        assert [f"{name}\n" in own_file(work).read_text() for name in (f"Port {free_port}", "User alice", "ForwardAgent yes")] == [
            True
        ] * 3
        for done in (ssh(work, "id -u; ssh-add -l", env=env), work("ssh", "--", "id -u; ssh-add -l", env=env)):
            assert done.stdout.startswith("1234\n") and fingerprint in done.stdout, done.stderr
        assert work("ssh", "--", "echo in").ok().stdout == "in\n"  # also without an agent
    finally:
        (work.path / ".env").write_text(before)
        work("up", "--no-forward-agent", "--no-test", "--recreate").ok()
    assert "ForwardAgent no\n" in own_file(work).read_text()
    assert ssh(work, "-A", asked, env=env).stdout == "root none\n"
