"""`composegen doctor --fix`: what is safe is done after a yes, and never without."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from composegen import diagnosis, dotenv
from composegen.doctor import CHECKS, Diagnosis, Finding, Site
from composegen.doctor.site import Mend
from composegen.engine import Look
from composegen.errors import EngineError
from composegen.mending import MENDS, mends
from composegen.ssh import Address, KnownHosts, keys
from tests.engine_room.standin import Standin
from tests.engine_room.test_steps import FakeEngine, made
from tests.support.cli import Cli

OURS, OLD = (f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{each * 43}" for each in "AB")


def site_of(demo: Path, engine: FakeEngine | None = None) -> Site:
    site = diagnosis.site_at(demo)
    site.engine = engine or FakeEngine(demo)
    return site


def offered(check: str, site: Site, *, status: str = "fail", answered: bool = True) -> list[Mend]:
    finding = Finding(check, status, "not well", answered=answered)  # type: ignore[arg-type]
    return list(mends(Diagnosis((finding,)), site))


def env(demo: Path) -> dict[str, str]:
    return dotenv.parse((demo / ".env").read_text())


def test_every_mend_belongs_to_a_check() -> None:
    assert set(MENDS) <= {check.name for check in CHECKS}


@pytest.mark.parametrize("check", MENDS)
def test_nothing_is_offered_for_what_is_well(demo: Path, check: str) -> None:
    assert offered(check, site_of(demo)) == []


@pytest.mark.parametrize(("status", "answered"), [("ok", True), ("skip", True), ("warn", False)])
def test_nothing_is_offered_for_a_check_that_found_nothing(demo: Path, status: str, answered: bool) -> None:
    (demo / ".env").unlink()
    assert offered("env", site_of(demo), status="warn")
    assert offered("env", site_of(demo), status=status, answered=answered) == []


def test_what_a_check_brought_along_is_offered(demo: Path) -> None:
    own = Mend("Start it?", lambda: "started")
    assert list(mends(Diagnosis((Finding("container", "fail", "", mend=own),)), site_of(demo))) == [own]


def test_an_engine_that_is_silent_again_keeps_no_other_mend_away(demo: Path) -> None:
    class Silent(FakeEngine):
        def look(self, base: str = "") -> Look:
            raise EngineError("it does not answer")

        def names_in_use(self) -> frozenset[str]:
            raise EngineError("it does not answer")

    (demo / ".env").chmod(0o644)
    found = Diagnosis((Finding("names", "fail", ""), Finding("env", "warn", "")))
    assert len(list(mends(found, site_of(demo, Silent(demo))))) == 1


def test_a_lost_record_and_a_lost_file_are_written_anew_and_edits_stay(demo: Path) -> None:
    variant = (demo / ".composegen/variant.json").read_text()
    (demo / ".composegen/variant.json").unlink()
    (demo / "container/entrypoint.sh").unlink()
    (demo / "requirements.txt").write_text("mine\n")
    (mend,) = offered("folder", site_of(demo))
    assert "composegen update" in mend.question
    done = mend.do()
    assert "variant.json" in done and "container/entrypoint.sh" in done
    assert (demo / ".composegen/variant.json").read_text() == variant
    assert (demo / "requirements.txt").read_text() == "mine\n"
    assert offered("folder", site_of(demo)) == []


def test_a_folder_that_cannot_be_read_is_for_its_user(demo: Path) -> None:
    (demo / ".env").write_text("SSH_PORT=many\n")
    assert [check for check in MENDS if offered(check, site_of(demo))] == []


def test_env_is_closed_to_others(demo: Path) -> None:
    (demo / ".env").chmod(0o644)
    (mend,) = offered("env", site_of(demo), status="warn")
    mend.do()
    assert (demo / ".env").stat().st_mode & 0o777 == 0o600


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def use_port(demo: Path, port: int) -> None:
    (demo / ".env").write_text(dotenv.assign((demo / ".env").read_text(), {"SSH_PORT": str(port)}))


def test_a_taken_port_is_replaced_by_the_next_free_one(demo: Path, taken: int) -> None:
    use_port(demo, taken)
    (mend,) = offered("port", site_of(demo))
    assert str(taken) in mend.question
    mend.do()
    assert int(env(demo)["SSH_PORT"]) > taken
    assert offered("port", site_of(demo)) == []


def test_what_is_exported_cannot_be_mended_in_env(demo: Path, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_PORT", str(taken))
    assert offered("port", site_of(demo)) == []


def theirs(demo: Path) -> FakeEngine:
    class Theirs(FakeEngine):
        def names_in_use(self) -> frozenset[str]:
            return frozenset(("work", "work-2"))

    return Theirs(demo, there=Look(made(demo.parent)))


def test_a_name_of_another_folder_is_replaced_by_a_free_one(demo: Path) -> None:
    (mend,) = offered("names", site_of(demo, theirs(demo)))
    assert "COMPOSE_PROJECT_NAME=work-3" in mend.question
    mend.do()
    assert env(demo)["COMPOSE_PROJECT_NAME"] == "work-3"


def test_the_own_key_is_closed_to_others(demo: Path) -> None:
    own = keys.config_directory() / keys.OWN_KEY
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("")
    own.chmod(0o644)
    (mend,) = offered("login", site_of(demo), status="warn")
    mend.do()
    assert own.stat().st_mode & 0o777 == 0o600


class Showing(FakeEngine):
    def host_key(self) -> str:
        return OURS


@pytest.mark.parametrize(("known", "offers"), [(OLD, 1), (OURS, 0), ("", 0)])
def test_a_stale_host_key_is_replaced_by_the_containers(demo: Path, known: str, offers: int) -> None:
    address, other = (Address.published("127.0.0.1", 2200, "root", project=name) for name in ("work", "other"))
    for each in (address, other) if known else ():
        KnownHosts.own().remember(each, known)
    container = replace(made(demo), port=2200)
    found = offered("host-key", site_of(demo, Showing(demo, there=Look(container))), status="warn")
    assert len(found) == offers
    for mend in found:
        mend.do()
        assert KnownHosts.own().lookup(address) == (OURS,)
    assert KnownHosts.own().lookup(other) == ((known,) if known else ())


# --- The command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def silent(composegen: Cli, tmp_path: Path) -> Cli:
    """The command with a `docker` that knows nothing, so that what is found depends on the folder alone."""
    (tmp_path / "bin").mkdir()
    docker = Standin(tmp_path / "bin")
    docker.says(
        ("inspect", "echo '[]'; echo 'Error: No such object: work' >&2; exit 1"),
        ("info", """echo '{"ServerVersion": "28.5.2"}'"""),
    )
    return replace(composegen, env={"PATH": f"{docker.directory}:/usr/bin:/bin"})


def statuses(shown: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {each["name"]: each["status"] for each in shown["checks"]}


def test_without_a_person_and_without_yes_nothing_is_changed(silent: Cli, demo: Path) -> None:
    (demo / ".env").unlink()
    done = silent("doctor", "--fix", "--json", str(demo))
    assert done.code == 1
    assert statuses(done.json)["env"] == "warn" and done.json["mended"] == []
    assert "nobody is here to answer: Write .env" in done.stderr and "--yes" in done.stderr
    assert not (demo / ".env").exists()


def test_a_yes_to_everything_is_done_and_looked_at_again(silent: Cli, demo: Path) -> None:
    (demo / ".env").unlink()
    (demo / ".composegen/variant.json").unlink()
    done = silent("doctor", "--fix", "--yes", "--json", str(demo))
    found = statuses(done.json)
    assert (found["folder"], found["env"]) == ("ok", "ok")
    assert len(done.json["mended"]) == 2 and (demo / ".env").exists()


def test_yes_alone_is_wrong_usage(composegen: Cli) -> None:
    done = composegen("doctor", "--yes")
    assert done.code == 2 and "--fix" in done.stderr
