"""A folder in whatever state is a finding, never a crash; and what is in no folder is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from composegen import diagnosis, dotenv
from composegen.doctor import CHECKS, Site
from composegen.doctor.examining import verdict
from composegen.doctor.site import Verdict
from composegen.errors import CommandFailed, EngineError, UsageError
from tests.doctor.test_checks import says
from tests.engine_room.test_steps import FakeEngine
from tests.support.cli import Cli


def ask(check: str, site: Site) -> Verdict:
    return verdict(next(each for each in CHECKS if each.name == check), site)


def test_a_sound_folder_is_named_by_its_variant(demo: Path) -> None:
    site = diagnosis.site_at(demo)
    says(ask("folder", site), "ok", "python", "for cpu")
    says(ask("env", site), "ok")


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no compose.yaml": (lambda demo: (demo / "compose.yaml").unlink(), "no compose.yaml in"),
    "somebody else's": (lambda demo: (demo / "compose.yaml").write_text("services: {}\n"), "composegen"),
    "not YAML": (lambda demo: (demo / "compose.yaml").write_text("x-composegen: [\n"), "compose.yaml"),
    "not text": (lambda demo: (demo / "compose.yaml").write_bytes(b"\xff\xfe\x00"), "is not UTF-8 text"),
    "a folder": (lambda demo: folder(demo / "compose.yaml"), "Is a directory"),
    "not a .env": (lambda demo: (demo / ".env").write_text("SSH_PORT='22\n"), ".env line 1"),
    "a port that is none": (lambda demo: (demo / ".env").write_text("SSH_PORT=many\n"), "SSH_PORT is 'many'"),
}


@pytest.mark.parametrize("state", UNREADABLE)
def test_a_folder_that_cannot_be_read_is_one_failure(demo: Path, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    damage, words = UNREADABLE[state]
    damage(demo)
    for directory in (demo, Path()):
        monkeypatch.chdir(demo)
        site = diagnosis.site_at(directory)
        says(ask("folder", site), "fail", words)
        says(ask("port", site), "skip", "the folder cannot be read")


def test_the_current_folder_need_not_be_composegens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    says(ask("folder", diagnosis.site_at(Path())), "skip", "no folder of composegen's")
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    says(ask("folder", diagnosis.site_at(Path())), "skip", "no folder of composegen's")
    says(ask("folder", diagnosis.site_at(tmp_path)), "fail", "compose.yaml")


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_folder_that_is_none_is_wrong_usage(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=f"{name}' is not a folder"):
        diagnosis.site_at(tmp_path / name)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no variant": (lambda demo: (demo / ".composegen/variant.json").unlink(), "variant.json is missing or damaged"),
    "half a variant": (lambda demo: (demo / ".composegen/variant.json").write_text("{"), "variant.json is missing or damaged"),
    "half a record": (lambda demo: (demo / ".composegen/generated.json").write_text("[]"), "generated.json is missing or damaged"),
    "no entrypoint": (lambda demo: (demo / "container/entrypoint.sh").unlink(), "container/entrypoint.sh is missing"),
    "no Dockerfile": (lambda demo: (demo / "Dockerfile").unlink(), "Dockerfile is missing"),
    "CRLF": (lambda demo: crlf(demo / "container/entrypoint.sh"), "container/entrypoint.sh has CRLF line ends"),
    "all": (lambda demo: shutil.rmtree(demo / ".composegen"), "generated.json"),
}


def crlf(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("state", DAMAGE)
def test_what_nothing_works_with_is_named_with_the_command_that_mends_it(demo: Path, state: str) -> None:
    damage, words = DAMAGE[state]
    damage(demo)
    says(ask("folder", diagnosis.site_at(demo)), "fail", words, "`composegen update`")


def test_what_a_user_may_remove_or_edit_is_no_damage(demo: Path) -> None:
    (demo / "README.md").unlink()
    (demo / "Dockerfile").write_text("FROM scratch\n")
    says(ask("folder", diagnosis.site_at(demo)), "ok")


def test_env_is_there_and_ones_own(demo: Path) -> None:
    (demo / ".env").chmod(0o640)
    says(ask("env", diagnosis.site_at(demo)), "warn", "mode 0640", "chmod 600")
    (demo / ".env").unlink()
    says(ask("env", diagnosis.site_at(demo)), "warn", "no .env", "`composegen up`")


def test_what_compose_says_of_the_files_is_told_in_its_words(demo: Path) -> None:
    class Refusing(FakeEngine):
        error: EngineError = CommandFailed(
            "`docker compose config` failed", argv=["docker"], output="yaml: line 3: mapping values are not allowed in this context"
        )

        def config_hash(self) -> str:
            raise self.error

    site, engine = diagnosis.site_at(demo), Refusing(demo)
    site.engine = engine
    says(ask("compose", site), "fail", "docker compose config", "not YAML")
    engine.error = EngineError("Docker is not installed")
    says(ask("compose", site), "skip", "not installed")
    site.engine = FakeEngine(demo)
    says(ask("compose", site), "ok")


def test_doctor_of_a_broken_folder_names_what_is_wrong_and_exits_with_1(composegen: Cli, demo: Path) -> None:
    (demo / ".env").write_text(dotenv.assign((demo / ".env").read_text(), {"SSH_PORT": "many"}))
    done = composegen("doctor", "--json", str(demo), env={"DOCKER_HOST": f"unix://{demo}/none.sock"})
    assert (done.code, done.json["ok"]) == (1, False)
    assert done.json["checks"][0] == {
        "name": "folder",
        "status": "fail",
        "detail": "SSH_PORT is 'many', not a number from 1 to 65535",
        "fix": "mend it in .env: for example 2222",
    }


def test_a_missing_folder_is_wrong_usage_on_the_command_line(composegen: Cli) -> None:
    done = composegen("doctor", "nowhere")
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.startswith("error: 'nowhere' is not a folder\n  hint: ")
