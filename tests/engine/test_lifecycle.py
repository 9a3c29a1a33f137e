"""The commands after `up`, and an engine that is not there."""

from __future__ import annotations

import pytest

from tests.engine.conftest import Work

pytestmark = pytest.mark.engine


@pytest.fixture
def work(shared: Work) -> Work:
    return shared


def test_a_container_is_stopped_started_restarted_and_removed(work: Work) -> None:
    work("up", "--no-test").ok()
    began = work.id
    work("stop").ok()
    stopped = work("status", "--json")
    assert (stopped.code, stopped.json["state"]) == (1, "exited")
    refused = work("ssh", "--", "true")
    assert refused.code == 1
    assert "composegen up" in refused.stderr
    work("start").ok()
    assert work("ssh", "--", "true").code == 0
    work("restart").ok()
    assert work("ssh", "--", "true").code == 0
    assert work.id == began
    assert work.project in work("ps").ok().stdout
    assert "Server listening" in work("logs", "--tail", "50").ok().stdout
    for command in ("stop", "restart", "down"):
        assert f"'{work.project}'" in work(command, "--dry-run").ok().stdout
    assert work.id == began
    work("rm").ok()
    assert work("status").code == 1
    assert "there is no container" in work("restart").stderr


def test_plain_docker_does_the_same_and_up_sees_it(work: Work) -> None:
    work("up", "--no-test").ok()
    began = work.id
    work.engine("stop", work.project)
    done = work("up", "--no-test", "--json").ok()
    assert next(step["detail"] for step in done.json["steps"] if step["name"] == "start") == "started"
    assert work.id == began
    work.engine("rm", "--force", work.project)
    work("up", "--no-test").ok()
    assert work("ssh", "--", "true").code == 0


@pytest.mark.parametrize("command", ["up", "start"])
def test_a_paused_container_goes_on(work: Work, command: str) -> None:
    work("up", "--no-test").ok()
    began = work.id
    work.engine("pause", work.project)
    work(command).ok()
    assert work("ssh", "--", "true").code == 0
    assert work.id == began


def test_a_script_on_standard_input_is_run_without_a_word_about_terminals(work: Work) -> None:
    work("up", "--no-test").ok()
    done = work.cli("ssh", cwd=work.path, stdin="echo hello\n").ok()
    assert (done.stdout.splitlines()[-1], "erminal" in done.stderr) == ("hello", False)


def test_build_shows_progress_and_up_then_skips_it(work: Work) -> None:
    done = work("build").ok()
    assert "exporting to image" in done.stderr
    assert done.stdout == ""
    again = work("up", "--no-test", "--json").ok()
    assert next(step["detail"] for step in again.json["steps"] if step["name"] == "build").startswith("skipped")


def test_pull_says_that_a_base_of_this_machine_is_in_no_registry(work: Work, base_image: str) -> None:
    assert work("pull", "--dry-run").ok().stdout == f"would pull {base_image}\n"
    assert "made on this machine" in work("pull").ok().stderr


@pytest.mark.parametrize("command", ["up", "down", "status", "restart", "build", "ps"])
def test_an_engine_that_does_not_answer_is_one_sentence_with_a_hint(work: Work, command: str) -> None:
    done = work(command, env={"DOCKER_HOST": "unix:///nonexistent.sock"})
    assert done.code == 1
    assert "error: Docker's daemon does not answer" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_a_missing_docker_is_one_sentence_with_a_hint(work: Work, command: str) -> None:
    done = work(command, env={"PATH": "/nonexistent"})
    assert done.code == 1
    assert "error: Docker is not installed" in done.stderr


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", ""])
def test_a_timeout_that_is_no_number_is_wrong_usage(work: Work, value: str) -> None:
    done = work("up", f"--timeout={value}")
    assert done.code == 2
    assert "--timeout" in done.stderr
