"""`composegen explain` as a user runs it."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.cli import Cli

ERROR = 'Error response from daemon: could not select device driver "nvidia" with capabilities: [[gpu]]'


def test_a_file_is_explained_with_cause_evidence_reason_and_fix(composegen: Cli, tmp_path: Path) -> None:
    (tmp_path / "up.log").write_text(f"Attaching to app-1\n{ERROR}\n")
    said = composegen("explain", "up.log", cwd=tmp_path).ok().stdout
    lines = said.splitlines()
    assert lines[0] == "the engine knows no way to hand over an NVIDIA GPU [gpu-toolkit-missing]"
    assert lines[1] == f"  line 2: {ERROR}"
    assert "  fix:" in lines and "NVIDIA Container Toolkit" in said and "more: https://docs.nvidia.com/" in said


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input_is_read_also_without_an_end_of_its_last_line(composegen: Cli, arguments: tuple[str, ...]) -> None:
    assert "[gpu-toolkit-missing]" in composegen("explain", *arguments, stdin=ERROR).ok().stdout


def test_json_names_cause_title_fix_and_evidence(composegen: Cli) -> None:
    found = composegen("explain", "--json", stdin=f"one\n{ERROR}\nnvidia-smi: command not found").ok().json["matches"]
    assert [each["cause"] for each in found] == ["gpu-toolkit-missing", "gpu-not-handed-over"]
    first = found[0]
    assert first["evidence"] == f"line 2: {ERROR}"
    assert first["title"] and all(isinstance(step, str) for step in first["fix"])


@pytest.mark.parametrize("text", ["", "all is well", "\x00\x01\x02"])
def test_an_unknown_text_is_said_to_be_unknown(composegen: Cli, text: str) -> None:
    done = composegen("explain", stdin=text)
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("error: no known cause is in that text\n  hint: ") and "`2>&1`" in done.stderr
    done = composegen("explain", "--json", stdin=text)
    assert (done.code, done.json) == (1, {"matches": []})


@pytest.mark.parametrize("given", ["nowhere.log", "."])
def test_what_cannot_be_read_is_wrong_usage(composegen: Cli, tmp_path: Path, given: str) -> None:
    done = composegen("explain", given, cwd=tmp_path)
    assert done.code == 2
    assert done.stderr.startswith(f"error: cannot read '{given}': ") and "Traceback" not in done.stderr


def test_a_binary_file_is_read_like_any_other(composegen: Cli) -> None:
    done = composegen("explain", "/bin/ls")
    assert done.code == 1 and "Traceback" not in done.stderr


def test_an_interrupted_pipe_is_explained_as_far_as_it_came(composegen: Cli) -> None:
    process = subprocess.Popen(
        composegen.argv("explain"), env=composegen.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin and process.stdout
    process.stdin.write(ERROR)  # and no line end
    process.stdin.flush()
    wait_until_it_reads(process.pid)
    process.send_signal(signal.SIGINT)
    assert "[gpu-toolkit-missing]" in process.stdout.read()
    assert process.wait() == 0
    process.stdin.close()


def wait_until_it_reads(pid: int, seconds: float = 10) -> None:
    """Until the process sleeps in a read of standard input, which is system call 0 or 63 with descriptor 0."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        call, *arguments = Path(f"/proc/{pid}/syscall").read_text().split()
        if call in ("0", "63") and int(arguments[0], 16) == 0:
            return
        time.sleep(0.05)


def test_an_engine_error_of_any_command_carries_its_cause(composegen: Cli, tmp_path: Path) -> None:
    composegen("init", "python", "demo", cwd=tmp_path).ok()
    away = {"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    done = composegen("ps", cwd=tmp_path / "demo", env=away)
    assert done.code != 0 and "Traceback" not in done.stderr
    done = composegen("status", "--json", cwd=tmp_path / "demo", env=away)
    assert done.json["error"] == "Docker's daemon does not answer"
    assert done.stderr.startswith("error: Docker's daemon does not answer\n  hint: ")
