from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from composegen.doctor import explained
from composegen.engine import command as under_test
from composegen.engine.command import Command
from composegen.errors import CommandFailed, EngineError
from tests.engine_room.standin import Standin
from tests.support.cli import ROOT

SHELL = ("/bin/sh", "-c")


def test_a_command_runs_in_its_folder_and_says_so_to_compose(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    assert Command((*SHELL, "echo $PWD"), link).run() == f"{link}\n"


def test_standard_input_reaches_it() -> None:
    assert Command(("/bin/cat",)).run(stdin="ssh-ed25519 AAAA ü\n") == "ssh-ed25519 AAAA ü\n"


def test_without_standard_input_it_waits_for_none() -> None:
    assert Command(("/bin/cat",)).run() == ""


def test_two_commands_run_side_by_side() -> None:
    began = time.monotonic()
    running = [Command((*SHELL, "sleep 0.4; echo done")).begin() for _ in range(3)]
    assert [each.result().stdout for each in running] == ["done\n"] * 3
    assert time.monotonic() - began < 1.1


def test_no_docker_is_one_sentence_with_a_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="Docker is not installed") as error:
        Command(("docker", "ps")).run()
    assert error.value.hint


def test_a_docker_that_cannot_be_run_is_explained(docker: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    docker.says()
    (docker.directory / "docker").chmod(0o644)
    monkeypatch.setenv("PATH", str(docker.directory))
    with pytest.raises(EngineError, match="cannot run `docker`"):
        Command(("docker", "ps")).run()


def test_a_folder_that_is_gone_is_explained(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is not a folder"):
        Command(("/bin/true",), tmp_path / "gone").run()


def test_a_failure_carries_status_output_and_command(docker: Standin) -> None:
    docker.fails("it does not work", status=17)
    with pytest.raises(CommandFailed) as error:
        Command(("docker", "compose", "up")).run()
    assert (error.value.exit_code, error.value.output, error.value.command) == (17, "it does not work\n", "docker compose up")


def test_an_attached_command_passes_its_exit_status_on() -> None:
    assert Command((*SHELL, "exit 9")).attached() == 9
    assert Command((*SHELL, "kill -TERM $$")).attached() == 128 + signal.SIGTERM


def test_visible_progress_goes_to_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    Command((*SHELL, "echo out; echo err >&2; printf '\\303'; sleep 0.1; printf '\\244\\n'")).visible()
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["out", "err", "ä"]


def test_a_visible_failure_is_not_repeated_but_explained(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandFailed) as error:
        Command((*SHELL, "echo 'write /x: no space left on device'; exit 3")).visible()
    assert "no space left on device" in capfd.readouterr().err
    assert (error.value.output, error.value.exit_code) == ("", 3)
    assert "docker system df" in (explained(error.value).hint or "")


def test_on_a_terminal_a_command_sees_a_terminal_of_the_same_size(monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl
    import struct
    import termios

    outer, inner = os.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 123, 0, 0))
    with os.fdopen(inner, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        Command((*SHELL, "test -t 1 && test -t 2 && stty size <&1")).visible()
    assert os.read(outer, 100).split() == [b"40", b"123"]
    os.close(outer)


@pytest.mark.parametrize("visible", [True, False])
def test_an_interrupt_lets_the_command_put_things_in_order(tmp_path: Path, visible: bool) -> None:
    marker = tmp_path / "tidied"
    command = Command((*SHELL, f"trap 'touch {marker}; exit 130' INT; echo ready; while :; do sleep 0.05; done"))
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        command.visible() if visible else command.run()
    assert marker.exists()


def interrupt(*after: float) -> None:
    for seconds in after:
        threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


@contextlib.contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[bytearray]:
    """Standard error is a terminal, and what it showed is kept."""
    outer, inner = os.openpty()
    shown = bytearray()

    def watch() -> None:
        with contextlib.suppress(OSError):  # how a pseudo-terminal ends
            while chunk := os.read(outer, 65536):
                shown.extend(chunk)

    watching = threading.Thread(target=watch)
    watching.start()
    with os.fdopen(inner, "w") as stderr, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stderr)
        yield shown
    watching.join()
    os.close(outer)


def test_an_interrupted_command_can_say_its_last_words_to_a_terminal_and_the_cursor_is_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marker = tmp_path / "tidied"
    floods = f"trap 'seq 100000; touch {marker}; exit 130' INT; printf '\\033[?25l'; while :; do seq 100; sleep 0.01; done"
    began = time.monotonic()
    with terminal(monkeypatch) as shown:
        interrupt(0.5)
        with pytest.raises(KeyboardInterrupt):
            Command((*SHELL, floods)).visible()
    assert marker.exists()
    assert shown.endswith(b"\x1b[?25h")
    assert time.monotonic() - began < under_test.PATIENCE / 2


def test_an_interrupted_quiet_command_can_say_its_last_words(tmp_path: Path) -> None:
    marker = tmp_path / "tidied"
    interrupt(0.5)
    with pytest.raises(KeyboardInterrupt):
        Command((*SHELL, f"trap 'seq 100000; touch {marker}; exit 130' INT; while :; do sleep 0.05; done")).run()
    assert marker.exists()


DEAF = "trap '' INT; sleep 300 & echo $! >%s; echo ready; wait"


def ended(pid_file: Path) -> bool:
    """Whether that process is gone, or only waits for somebody to take note of its end."""
    try:
        return Path("/proc", pid_file.read_text().strip(), "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until_ended(pid_file: Path) -> None:
    deadline = time.monotonic() + 5
    while not ended(pid_file):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("visible", [True, False])
def test_after_patience_whatever_the_command_started_is_killed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, visible: bool
) -> None:
    monkeypatch.setattr(under_test, "PATIENCE", 0.3)
    command = Command((*SHELL, DEAF % (tmp_path / "pid")))
    interrupt(0.5)
    with pytest.raises(KeyboardInterrupt):
        command.visible() if visible else command.run()
    wait_until_ended(tmp_path / "pid")


@pytest.mark.parametrize("visible", [True, False])
def test_a_second_interrupt_kills_it_at_once(tmp_path: Path, visible: bool) -> None:
    command = Command((*SHELL, DEAF % (tmp_path / "pid")))
    began = time.monotonic()
    interrupt(0.5, 1.2)
    with pytest.raises(KeyboardInterrupt):
        command.visible() if visible else command.run()
    assert time.monotonic() - began < under_test.PATIENCE / 2
    wait_until_ended(tmp_path / "pid")


def test_what_nobody_waits_for_any_more_ends_with_us(tmp_path: Path) -> None:
    program = """
import sys, time
from pathlib import Path
from threading import Thread
from composegen.engine.command import Command
running = Command(("/bin/sh", "-c", "echo $$ >pid.new; mv pid.new pid; exec sleep 60"), Path(sys.argv[1])).begin()
Thread(target=running.result, daemon=True).start()
while not Path(sys.argv[1], "pid").exists():
    time.sleep(0.01)
"""
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    process = Path("/proc", (tmp_path / "pid").read_text().strip())
    deadline = time.monotonic() + 10
    while _lives(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _lives(process)


def _lives(process: Path) -> bool:
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
