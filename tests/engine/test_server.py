"""`composegen ls` and `clean` on an engine that people share: nothing of anybody else's is touched.

The engine is a private one, since `clean` takes whatever of composegen's is left over on it. Its containers need not run.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from composegen.engine import memory
from tests.support.cli import Cli
from tests.support.private_engine import PrivateEngine

pytestmark = pytest.mark.engine

SOMEBODY = 12345
OURS = 'ENTRYPOINT ["/etc/composegen/entrypoint.sh"]'


@dataclass(frozen=True)
class Shared:
    """An engine with containers, images and volumes of several people."""

    engine: PrivateEngine
    composegen: Cli
    place: Path

    def image(self, name: str, project: str, *, entrypoint: str = OURS) -> None:
        labels = f"LABEL com.docker.compose.project={project} com.docker.compose.service=dev"
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as opened:
            opened.addfile(tarfile.TarInfo(f"made-for-{project}"))
        argv = [*self.engine.prefix, "docker", "import", "--change", entrypoint, "--change", labels, "-", name]
        done = subprocess.run(argv, input=archive.getvalue(), env={**os.environ, **self.engine.env}, capture_output=True)
        assert done.returncode == 0, done.stderr

    def container(self, project: str, folder: Path, *options: str, image: str = "") -> None:
        labels = {"project": project, "service": "dev", "project.working_dir": str(folder)}
        given = [word for name, value in labels.items() for word in ("--label", f"com.docker.compose.{name}={value}")]
        self.engine("create", "--name", project, *given, *options, image or f"{project}-dev")

    def folder(self, name: str, *, owner: int = 0) -> Path:
        folder = self.place / name
        self.composegen("init", "python", str(folder), "--name", name).ok()
        os.chown(folder, owner, owner)
        return folder

    def gone(self, project: str, kept: Path) -> None:
        """As if this person had used that folder."""
        memory.remember(kept, memory.Memory(folder=str(kept), project=project), {"HOME": "/", "XDG_STATE_HOME": str(self.state)})

    @property
    def state(self) -> Path:
        return self.place / "state"

    def says(self, *arguments: str, code: int = 0) -> Any:
        inside = replace(self.composegen, prefix=self.engine.prefix)
        result = inside(*arguments, env={**self.engine.env, "XDG_STATE_HOME": str(self.state)})
        assert result.code == code, result
        return result.json if "--json" in arguments else result

    def leftovers(self, *arguments: str) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in self.says("clean", "--json", *arguments)["leftovers"]}


@pytest.fixture(scope="module")
def shared(private_engine: PrivateEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    place = tmp_path_factory.mktemp("shared")
    place.chmod(0o755)
    here = Shared(private_engine, Cli(place / "home"), place)
    yield here
    private_engine.run("rm", "--force", *private_engine("ps", "--all", "--quiet").split())


def test_ls_lists_everybodys_containers_and_nothing_else(shared: Shared) -> None:
    mine, other, deleted = shared.folder("mine"), shared.folder("other", owner=SOMEBODY), shared.folder("deleted")
    shutil.rmtree(deleted)
    for project, folder, options in (
        ("mine", mine, ["--gpus", '"device=0,1"', "--publish", "127.0.0.1:2250:22", "--env", "SSH_USER=me"]),
        ("other", other, ["--gpus", "all"]),
        ("deleted", deleted, ["--env", "USER_UID=12345", "--volume", "deleted_ide:/root/.cache"]),
    ):
        shared.image(f"{project}-dev", project)
        shared.container(project, folder, *options)
    shared.image("postgres", "shop", entrypoint='ENTRYPOINT ["/docker-entrypoint.sh"]')
    shared.container("shop", shared.place, image="postgres")

    found = {each["name"]: each for each in shared.says("ls", "--json")}

    assert sorted(found) == ["deleted", "mine", "other"]
    assert [found[name]["owner"] for name in ("mine", "other", "deleted")] == ["root", f"uid {SOMEBODY}", f"uid {SOMEBODY}"]
    assert [found[name]["gpus"] for name in ("mine", "other", "deleted")] == ["0,1", "all", ""]
    assert [found[name]["stack"] for name in ("mine", "other", "deleted")] == ["python", "python", ""]
    assert (found["mine"]["port"], found["mine"]["folder_is_there"], found["deleted"]["folder_is_there"]) == (2250, True, False)
    assert found["mine"]["state"] == "created, never started"
    table = shared.says("ls").stdout
    assert f"{deleted} (gone)" in table and "127.0.0.1:2250" in table


def test_clean_removes_what_is_this_persons_and_nobody_needs(shared: Shared) -> None:
    engine = shared.engine
    # This person's, of a folder that is gone: an image, and volumes that no container uses.
    shared.gone("past", shared.place / "past")
    shared.image("past-dev", "past")
    # Of a folder that is there, whose next `up` wants both.
    shared.gone("mine", shared.place / "mine")
    # Of nobody that this person's memory knows, and of somebody whose folder is there.
    shared.image("unknown-dev", "unknown")
    shared.image("other-dev", "other", entrypoint=f"{OURS}\nCMD one")  # the container keeps the image that had the name before
    shared.image("other-dev", "other", entrypoint=f"{OURS}\nCMD two")  # nobody keeps that one
    for volume, project, name in (
        ("past_ide", "past", "ide"),
        ("past_data", "past", "data"),
        ("mine_ide", "mine", "ide"),
        ("unknown_ide", "unknown", "ide"),
    ):
        labels = ("--label", f"com.docker.compose.project={project}", "--label", f"com.docker.compose.volume={name}")
        engine("volume", "create", *labels, volume)

    foreseen = shared.leftovers("--dry-run")

    assert {name for name, each in foreseen.items() if not each["kept"]} == {"past-dev:latest", "past_ide"}
    assert {"unknown-dev:latest", "unknown_ide"} <= foreseen.keys()
    assert {"mine_ide", "past_data", "other-dev:latest", "postgres:latest"}.isdisjoint(foreseen)
    assert [each["kept"] for each in foreseen.values() if "other" in each["why"]] == [f"it is uid {SOMEBODY}'s"]
    assert foreseen["unknown_ide"]["kept"] == "whose it is cannot be told"
    assert not any(each["removed"] for each in foreseen.values())
    refused = shared.says("clean", code=2)
    assert "--yes agrees" in refused.stderr

    done = shared.leftovers("--yes")

    assert {name for name, each in done.items() if each["removed"]} == {"past-dev:latest", "past_ide"}
    names = engine("image", "ls", "--format", "{{.Repository}}").split()
    assert "past-dev" not in names and {"unknown-dev", "mine-dev", "other-dev", "deleted-dev", "postgres"} <= set(names)
    assert set(engine("volume", "ls", "--quiet").split()) >= {"mine_ide", "unknown_ide", "past_data", "deleted_ide"}
    assert "past_ide" not in engine("volume", "ls", "--quiet").split()


def test_without_an_engine_both_say_so(shared: Shared) -> None:
    for command in ("ls", "clean"):
        result = shared.composegen(command, env={"DOCKER_HOST": "unix:///nonexistent"})
        assert result.code == 1 and "daemon does not answer" in result.stderr, result
