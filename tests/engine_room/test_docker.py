"""DockerEngine against a stand-in `docker`: what it asks, how it reads the answers, and that nothing foreign leaks."""

from __future__ import annotations

import contextlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from composegen.doctor import explained
from composegen.engine import Container, DockerEngine, Engine, is_local
from composegen.engine.docker import default_project
from composegen.errors import CommandFailed, EngineError
from tests.engine_room.standin import Standin

CONTAINER = {
    "Id": "1f",
    "Name": "/work",
    "State": {"Status": "running"},
    "Config": {"Labels": {}},
    "NetworkSettings": {"Ports": {}},
}
IMAGE = {"Id": "sha256:img", "RepoTags": ["work-dev:latest"], "RootFS": {}}
BASE = {"Id": "sha256:base", "RepoTags": ["python:3.11"], "RootFS": {}}


@pytest.fixture
def engine(tmp_path: Path) -> DockerEngine:
    return DockerEngine(tmp_path, "work")


def printing(*objects: dict[str, Any]) -> str:
    return f"cat <<'END'\n{json.dumps(objects)}\nEND\n"


def test_one_look_tells_container_images_and_owners(docker: Standin, engine: DockerEngine) -> None:
    docker.says(("ps --all", "echo /home/a; echo /home/a; echo"), ("inspect", printing(CONTAINER, IMAGE, BASE)))
    look = engine.look("python:3.11")
    assert look.container is not None
    assert (look.container.id, look.image, look.base, look.folders) == ("1f", "sha256:img", "sha256:base", (Path("/home/a"),))
    assert len(docker.calls) == 2


def test_nothing_there_is_an_empty_look(docker: Standin, engine: DockerEngine) -> None:
    docker.says(("inspect", "echo '[]'; echo 'Error: No such object: work' >&2; exit 1"))
    look = engine.look("python:3.11")
    assert (look.container, look.image, look.base, look.folders) == (None, "", "", ())


def test_another_object_of_that_name_is_no_container(docker: Standin, engine: DockerEngine) -> None:
    # `docker inspect work` also finds an image work:latest, and containers whose id begins with `work`.
    docker.says(("inspect", printing({**IMAGE, "RepoTags": ["work:latest"]}, {**CONTAINER, "Name": "/other"})))
    assert engine.look().container is None
    assert engine.container() is None


def test_what_was_asked_ahead_is_not_asked_again(docker: Standin, engine: DockerEngine) -> None:
    docker.says(("config --hash", "echo dev d748"), ("inspect", printing(CONTAINER)))
    engine.ahead("python:3.11")
    assert engine.look("python:3.11").container is not None
    assert engine.config_hash() == "d748"
    assert len(docker.calls) == 3
    engine.look("python:3.11")
    assert len(docker.calls) == 5


def test_the_host_key_is_read_out_of_the_container(docker: Standin, engine: DockerEngine, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("ssh-ed25519 AAAA root@somewhere\n")
    docker.says(("cp", f"tar -C {tmp_path} -cf - key"))
    assert engine.host_key() == "ssh-ed25519 AAAA"


def test_a_host_key_that_is_not_there_yet_is_empty(docker: Standin, engine: DockerEngine) -> None:
    docker.fails("Error response from daemon: Could not find the file /etc/ssh/host_keys in container work")
    assert engine.host_key() == ""


def test_keys_go_in_on_standard_input(docker: Standin, engine: DockerEngine, tmp_path: Path) -> None:
    docker.says(("exec", f"cat >{tmp_path}/pushed"))
    engine.push_keys(["ssh-ed25519 AAAA a", "ssh-rsa BBBB b"])
    assert (tmp_path / "pushed").read_text() == "ssh-ed25519 AAAA a\nssh-rsa BBBB b\n"
    assert docker.calls == ["exec --interactive work composegen-entrypoint keys"]


def test_down_keeps_volumes_unless_asked(docker: Standin, engine: DockerEngine) -> None:
    docker.says()
    engine.down()
    engine.down(volumes=True)
    assert [("--volumes" in call) for call in docker.calls] == [False, True]
    assert all(call.startswith("compose --project-name work down") for call in docker.calls)


@pytest.mark.parametrize(
    ("versions", "says"), [(("20.10.24", "2.30.0"), "Engine 20.10.24"), (("28.0.0", "2.20.3"), "Compose 2.20.3")]
)
def test_what_is_too_old_is_named(docker: Standin, engine: DockerEngine, versions: tuple[str, str], says: str) -> None:
    plugins = [{"Name": "buildx", "Version": "v0.29.1"}, {"Name": "compose", "Version": f"v{versions[1]}"}]
    docker.says(("info", f"echo '{json.dumps({'ServerVersion': versions[0], 'ClientInfo': {'Plugins': plugins}})}'"))
    with pytest.raises(EngineError, match=f"Docker {says} is too old"):
        engine.versions()


def test_no_buildx_is_named_before_compose_can_panic(docker: Standin, engine: DockerEngine) -> None:
    docker.says(("buildx", "echo 'docker: unknown command: docker buildx' >&2; exit 1"), ("info", 'echo "{}"'))
    with pytest.raises(EngineError, match="buildx"):
        engine.versions()


def test_a_container_that_publishes_a_port_is_found_by_address(docker: Standin, engine: DockerEngine) -> None:
    docker.says(("publish=2222", "printf 'other\\t10.0.0.1:2222->22/tcp\\t/home/a\\nwork\\t127.0.0.1:2222->22/tcp\\t\\n'"))
    assert engine.publisher("127.0.0.1", 2222) == ("work", None)
    assert engine.publisher("0.0.0.0", 2222) == ("other", Path("/home/a"))
    assert engine.publisher("127.0.0.2", 2222) is None


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ('["name=seccomp,profile=builtin","name=rootless","name=cgroupns"]', "rootless"),
        ('["name=seccomp,profile=builtin","name=userns"]', "userns"),
        ('["name=seccomp,profile=builtin","name=cgroupns"]', ""),
        ("null", ""),
    ],
)
def test_an_engine_that_maps_users_is_recognised(docker: Standin, engine: DockerEngine, options: str, kind: str) -> None:
    docker.says(("info", f"echo '{{\"SecurityOptions\": {options}}}'"))
    assert engine.info().maps_users == kind


@pytest.mark.parametrize(("state", "asked"), [("paused", "unpause"), ("exited", "start")])
def test_starting_lets_a_paused_container_go_on(docker: Standin, engine: DockerEngine, state: str, asked: str) -> None:
    docker.says(("inspect", printing({**CONTAINER, "State": {"Status": state}})))
    engine.start()
    assert docker.calls[-1] == f"compose --project-name work {asked}"


def test_a_container_that_ended_since_the_look_has_no_work_to_lose(docker: Standin, engine: DockerEngine) -> None:
    """One that cannot start is running only now and then; `up` has to be able to replace it."""
    refused = "Error response from daemon: Container 0d77 is restarting, wait until the container is running"
    docker.says(("top", f"echo '{refused}' >&2; exit 1"), ("diff", "echo A /opt/tool"))
    lost = engine.loss(Container("1f", "work", "running"))
    assert (lost.files, lost.processes) == (("A /opt/tool",), ())


def test_the_default_project_is_what_compose_takes() -> None:
    assert default_project(Path("/x/_My Project.v2")) == "myprojectv2"


def test_a_remote_engine_is_told_from_a_local_one() -> None:
    assert is_local({})
    assert is_local({"DOCKER_HOST": "unix:///run/user/1000/docker.sock"})
    assert not is_local({"DOCKER_HOST": "ssh://gpu-server"})
    assert not is_local({"DOCKER_CONTEXT": "gpu-server"})


# --- No foreign exception leaks ---------------------------------------------------------------------------------------------

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "project_owner": ("work",),
    "loss": (Container("1f", "work", "running"),),
    "only_here": ("python:3.11",),
    "architecture": ("python:3.11",),
    "pull": ("python:3.11",),
    "push_keys": (["ssh-ed25519 AAAA"],),
    "publisher": ("127.0.0.1", 2222),
    "push_password": ("secret",),
    "exec": (["true"],),
    "inside": (["true"],),
    "tag": ("sha256:1", "work-dev:old"),
    "refuse_silent_registry": ("localhost:1/python:3.11",),
}
METHODS = sorted(name for name in dir(Engine) if not name.startswith("_") and inspect.isfunction(getattr(Engine, name)))


def call(engine: DockerEngine, method: str) -> Any:
    act: Callable[..., Any] = getattr(engine, method)
    return act(*ARGUMENTS.get(method, ()))


@pytest.mark.parametrize("method", METHODS)
def test_a_missing_docker_never_leaks(monkeypatch: pytest.MonkeyPatch, engine: DockerEngine, tmp_path: Path, method: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="not installed"):
        call(engine, method)


ATTACHED = ("exec", "logs", "ps")  # they show what docker says, and pass its status on
MAY_BE_EMPTY = ("last_words",)


@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_daemon_never_leaks(docker: Standin, engine: DockerEngine, method: str) -> None:
    docker.fails("Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?")
    if method in ATTACHED:
        assert call(engine, method) == 1
    elif method in MAY_BE_EMPTY:
        assert call(engine, method) == ""
    else:
        with pytest.raises(EngineError) as refused:
            call(engine, method)
        assert explained(refused.value).message == "Docker's daemon does not answer"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("garbage", ["", "}{", "[1]", "null", "a b c", "\\377\\376"])
def test_whatever_docker_prints_nothing_but_engine_errors_leaks(
    docker: Standin, engine: DockerEngine, method: str, garbage: str
) -> None:
    docker.says(("", f"printf '%b' '{garbage}'; exit 0"))
    with contextlib.suppress(EngineError):
        call(engine, method)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in (*ATTACHED, *MAY_BE_EMPTY)])
def test_an_unknown_failure_keeps_the_engines_words(docker: Standin, engine: DockerEngine, method: str) -> None:
    docker.fails("Error response from daemon: something new", status=1)
    try:
        call(engine, method)
    except CommandFailed as error:
        assert "something new" in error.output or method in ("build", "pull")
        assert error.command.startswith(("docker ", "cd "))
