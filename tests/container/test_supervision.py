"""sshd dies, the container dies, the engine says stop: what goes on, what comes back, and who gets the time to finish."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from composegen.model import Choices
from tests.support.box import Box, make_box
from tests.support.engine import Engine, as_root, free_port, tear_down, unique_name

pytestmark = pytest.mark.engine

GREETING = (("GREETING", "a 'b' \"c\" $d"),)
SUPERVISOR, TINI = Choices("python", "cpu", env=GREETING), Choices("python", "cpu", env=GREETING, init="tini")
BOTH = pytest.mark.parametrize("built", [SUPERVISOR, TINI], ids=["supervisor", "tini"], indirect=True, scope="module")
ONE = pytest.mark.parametrize("built", [SUPERVISOR], ids=["supervisor"], indirect=True, scope="module")
QUICK_HEALTH = "services: {dev: {healthcheck: {interval: 1s, retries: 2, start_period: 0s}}}\n"
BACK_SECONDS = 10.0  # 2 is what is promised, and measured (docs/evidence.md); a busy machine gets more
IDLE_STOP_SECONDS = 5.0  # the same


@pytest.fixture(scope="module")
def built(
    request: pytest.FixtureRequest, engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Box]:
    """One container for the tests of a mode."""
    name = unique_name()
    path = tmp_path_factory.mktemp("box") / name
    box = make_box(engine, path, name, free_port(), request.param, base=base_image, SSH_AUTHORIZED_KEYS="own")
    (path / "compose.override.yaml").write_text(QUICK_HEALTH)
    (path / "code").chmod(0o777)
    try:
        yield box.up()
    finally:
        tear_down(engine, name)


@pytest.fixture
def made(built: Box) -> Box:
    """It runs, whatever the test before did to it."""
    built.engine("start", built.name)
    return built.wait()


def job(made: Box, script: str, *options: str) -> subprocess.Popen[str]:
    """An SSH client with a program at its other end, which has said `started`."""
    argv = [*made.client("-oBatchMode=yes", f"-i{made.key}", *options), "root@127.0.0.1", f"echo started; {script}"]
    client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert client.stdout
    assert client.stdout.readline().strip() == "started"
    return client


def words(client: subprocess.Popen[str]) -> str:
    """What the program says from now to its end."""
    assert client.stdout
    said = client.stdout.read()
    client.wait()
    return said


def wait_for_a_login(made: Box, *, at_most: float = 30) -> None:
    began = time.monotonic()
    made.wait()
    while made.ssh("true").returncode != 0:
        assert time.monotonic() - began < at_most, made.logs()
        time.sleep(0.05)
    assert time.monotonic() - began < at_most, made.logs()


def seconds_to_stop(made: Box, *options: str) -> float:
    began = time.monotonic()
    made.engine("stop", *options, made.name)
    return time.monotonic() - began


def kill_sshd(made: Box) -> None:
    made.inside("bash", "-c", "kill -9 $(</run/sshd.pid)")


@BOTH
def test_sshd_killed_again_and_again_is_back_and_jobs_go_on(made: Box) -> None:
    began = made.inside("stat", "-c", "%Y", "/proc/1")
    session = job(made, "read -r line; echo got $line")
    made.ssh("nohup bash -c 'while true; do date >/tmp/beat; sleep 0.2; done' >/dev/null 2>&1 & echo $! >/tmp/beating")
    for _ in range(5):
        kill_sshd(made)
        wait_for_a_login(made, at_most=BACK_SECONDS)
    assert session.stdin
    session.stdin.write("word\n")
    session.stdin.close()
    assert words(session) == "got word\n"
    made.inside("rm", "/tmp/beat")
    beat = made.ssh(
        "for _ in {1..50}; do if [ -e /tmp/beat ]; then break; fi; sleep 0.1; done; ls /tmp/beat; kill $(cat /tmp/beating)"
    )
    assert beat.stdout == "/tmp/beat\n", "a job in the background goes on"
    assert made.inside("stat", "-c", "%Y", "/proc/1") == began, "the container is the same"


@ONE
def test_whatever_of_it_is_killed_supervisor_has_sshd_running(made: Box) -> None:
    for _ in range(2):
        made.inside("pkill", "-9", "-f", "entrypoint.sh sshd")
        wait_for_a_login(made, at_most=BACK_SECONDS)
        kill_sshd(made)
        wait_for_a_login(made, at_most=BACK_SECONDS)
    assert "RUNNING" in made.inside("supervisorctl", "-c", "/etc/composegen/supervisord.conf", "status", "sshd")
    made.inside("supervisorctl", "-c", "/etc/composegen/supervisord.conf", "restart", "sshd", "stop-jobs")
    wait_for_a_login(made, at_most=BACK_SECONDS)


@BOTH
def test_a_killed_container_is_back_with_the_same_environment(made: Box) -> None:
    before = made.ssh("env -0").stdout.split("\0")
    assert "GREETING=a 'b' \"c\" $d" in before
    pid = made.engine("inspect", "--format", "{{.State.Pid}}", made.name)
    subprocess.run(as_root("kill", "-9", pid), check=True)
    wait_for_a_login(made)
    assert made.engine("inspect", "--format", "{{.RestartCount}}", made.name) == "1"
    assert lasting(made.ssh("env -0").stdout.split("\0")) == lasting(before)
    made.compose("restart")
    made.wait()
    assert lasting(made.ssh("env -0").stdout.split("\0")) == lasting(before)


def lasting(variables: list[str]) -> list[str]:
    """Without those that name a connection's port."""
    return sorted(each for each in variables if not each.startswith(("SSH_CLIENT=", "SSH_CONNECTION=")))


@ONE
def test_with_a_broken_configuration_the_container_stays_up_and_says_why(made: Box) -> None:
    before = len(made.logs())
    made.inside("sed", "-i", "$ a NoSuchOption yes", "/etc/composegen/sshd_config")
    made.compose("restart")
    wait_until(lambda: "Mend it" in made.logs()[before:], made)
    wait_until(lambda: health(made) == "running unhealthy", made)
    said = made.logs()[before:]
    assert "/etc/composegen/sshd_config: line " in said and "Bad configuration option: NoSuchOption" in said
    assert made.ssh("true").returncode == 255
    time.sleep(2.2)  # two looks
    assert made.logs()[before:] == said, "it is said once"

    made.inside("sed", "-i", "$ d", "/etc/composegen/sshd_config")
    wait_for_a_login(made, at_most=BACK_SECONDS)
    assert made.ssh("echo $PATH").stdout.strip() == made.inside("printenv", "PATH")
    wait_until(lambda: health(made) == "running healthy", made)


def health(made: Box) -> str:
    return made.engine("inspect", "--format", "{{.State.Status}} {{.State.Health.Status}}", made.name)


def wait_until(holds: Callable[[], bool], made: Box) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, made.logs()
        time.sleep(0.2)


@BOTH
def test_an_idle_container_stops_soon_whatever_is_connected(made: Box) -> None:
    terminal = job(made, "exec bash -l", "-tt")
    nested = job(made, "bash -c 'bash -i'; true", "-tt")
    forward = subprocess.Popen([*made.client("-oBatchMode=yes", f"-i{made.key}", "-N"), "root@127.0.0.1"])
    shell = job(made, "bash")
    assert seconds_to_stop(made) < IDLE_STOP_SECONDS
    assert made.engine("inspect", "--format", "{{.State.ExitCode}}", made.name) in ("0", "143")
    for client in (terminal, nested, shell):
        words(client)
    forward.wait()


JOB = """#!/bin/bash
trap 'sleep 3; echo "$1" >>/home/code/finished; echo done; exit' TERM
while true; do sleep 0.1; done
"""


@BOTH
def test_jobs_get_sigterm_and_time_to_finish(made: Box) -> None:
    (made.path / "code/job.sh").write_text(JOB)
    (made.path / "code/job.sh").chmod(0o755)
    command = job(made, "/home/code/job.sh command")
    terminal = job(made, "cd /home/code && ./job.sh terminal; echo after", "-tt")
    made.ssh("nohup /home/code/job.sh nohup >/dev/null 2>&1 &")
    # A terminal of its own inside a session that is gone, as tmux and screen make them.
    made.ssh("nohup setsid script -qc '/home/code/job.sh tmux' /dev/null >/dev/null 2>&1 </dev/null &")
    time.sleep(0.5)
    taken = seconds_to_stop(made)
    assert words(command) == "done\n", "its last words reach the client"
    assert "done" in words(terminal)
    assert sorted((made.path / "code/finished").read_text().split()) == ["command", "nohup", "terminal", "tmux"]
    assert 3 < taken < 15
    (made.path / "code/finished").unlink()


@ONE
def test_a_job_that_ignores_sigterm_is_killed_after_the_grace(made: Box) -> None:
    stubborn = job(made, "trap '' TERM; while true; do sleep 0.1; done")
    assert 3.5 < seconds_to_stop(made, "-t", "4") < 10
    words(stubborn)
    assert "composegen: waiting" in made.logs()


@ONE
def test_orphans_are_reaped(made: Box) -> None:
    for _ in range(3):
        made.ssh("(sleep 0.2 &); (sleep 0.3 & sleep 0.1) & disown")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        states = made.inside("ps", "-eo", "stat=,comm=").splitlines()
        if not [state for state in states if state.startswith("Z") or "sleep" in state]:
            break
        time.sleep(0.5)
    assert not [state for state in states if state.startswith("Z")]


@pytest.mark.load
@ONE
def test_when_the_system_refuses_new_processes_sshd_comes_back_afterwards(made: Box) -> None:
    """Four refusals in a row are more than supervisor takes by default."""
    pid = made.engine("inspect", "--format", "{{.State.Pid}}", made.name)
    keeper = subprocess.run(["pgrep", "-P", pid, "-f", "entrypoint.sh sshd"], capture_output=True, text=True).stdout.split()
    listener = subprocess.run(["pgrep", "-P", *keeper, "sshd"], capture_output=True, text=True).stdout.split()
    made.engine("update", "--pids-limit", "1", made.name)
    try:
        subprocess.run(as_root("kill", "-9", *keeper, *listener), check=True)
        wait_until(lambda: made.logs().count("Too many processes in process table to spawn 'sshd'") >= 5, made)
        assert made.ssh("true").returncode == 255
    finally:
        made.engine("update", "--pids-limit", "-1", made.name)
    wait_for_a_login(made, at_most=20)


@pytest.mark.load
@ONE
def test_a_hundred_kills_in_a_row_cost_no_job_and_no_login(made: Box) -> None:
    session = job(made, "read -r line; echo got $line")
    failed = 0
    for _ in range(100):
        kill_sshd(made)
        time.sleep(2)
        failed += made.ssh("true").returncode != 0
    assert failed == 0
    assert session.stdin
    session.stdin.write("word\n")
    session.stdin.close()
    assert words(session) == "got word\n"
    assert made.logs().count("Killed") == 100
