"""The gpu tier: every way in which this host can hand its GPUs over, and what `make gpu` writes down of it."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from composegen.doctor.offer import offered_modes
from composegen.engine import Info
from composegen.host import nvidia
from tests.gpu import multiply
from tests.support import engine as engine_support
from tests.support import evidence
from tests.support.cdi import specification
from tests.support.cli import Cli, Result
from tests.support.engine import Engine
from tests.support.private_engine import PrivateEngine, started_private_engine
from tests.support.ssh_client import ssh

# mode: on the machine's own engine, as far as that offers it. OWN needs no toolkit: a private engine with a specification of ours.
OWN = "cdi, own specification"
WAYS = ("deploy", "runtime", "cdi", OWN)

_rows = pytest.StashKey[list[evidence.Row]]()


@dataclass(frozen=True)
class Box:
    """A running container with GPUs, and the folder that it came from."""

    path: Path
    project: str
    port: int
    cli: Cli
    engine: Engine
    env: Mapping[str, str]

    def __call__(self, *arguments: str) -> Result:
        return self.cli(*arguments, cwd=self.path, env=self.env, timeout=1800)

    def says(self, command: str, *, stdin: str = "") -> str:
        """Standard output of a command over SSH, and what it said of its failure."""
        key = self.cli.home / ".config/composegen/id_ed25519"
        done = ssh(self.port, command, key=key, prefix=self.engine.prefix, stdin=stdin)
        return done.stdout if done.returncode == 0 else f"exit {done.returncode}: {done.stdout}{done.stderr}"

    def multiplies(self) -> dict[str, Any]:
        """What multiply.py found in the container. Raises AssertionError with its words: there is no GPU, or it is wrong."""
        said = self.says("python3 -", stdin=Path(multiply.__file__).read_text())
        assert said.startswith("{"), said
        found: dict[str, Any] = json.loads(said)
        return found


@dataclass(frozen=True)
class Ways:
    """Opens boxes, in whichever way."""

    engine: Engine
    base_image: str
    env: Mapping[str, str]
    home: Path

    @contextlib.contextmanager
    def box(self, way: str, stack: str, *options: str, base: str = "") -> Iterator[Box]:
        """On the tests' base image or another one. Skips where this host does not offer that way."""
        base = base or self.base_image
        env = {**self.env, "BASE_IMAGE": base}
        name, port = engine_support.unique_name(), engine_support.free_port()
        cli = Cli(self.home / name / "home")
        folder = self.home / name / stack
        chosen = ("--base", base, "--name", name, "--port", str(port))
        with self._offering(way) as engine:
            box = Box(folder, name, port, replace(cli, prefix=engine.prefix), engine, {**env, **engine.env})
            try:
                cli("init", stack, str(folder), *chosen, *options).ok()
                # A private engine reaches no package mirror: the machine's builds, and the image is carried over.
                cli("build", cwd=folder, env=env, timeout=1800).ok()
                if isinstance(engine, PrivateEngine):
                    engine.take(base)
                    engine.take(f"{name}-dev")
                box("up", "--no-test", "--gpu-mode", "cdi" if way == OWN else way).ok()
                yield box
            finally:
                engine_support.tear_down(engine, name)
                engine_support.tear_down(self.engine, name)

    @contextlib.contextmanager
    def _offering(self, way: str) -> Iterator[Engine]:
        if way != OWN:
            if way not in self.offered():
                pytest.skip(f"the machine's engine does not offer '{way}'")
            yield self.engine
            return
        if subprocess.run(engine_support.as_root("true"), capture_output=True).returncode != 0:
            pytest.skip("a second engine needs root, or sudo without a password")
        directory = self.home / "private"
        directory.mkdir(exist_ok=True)
        with started_private_engine(directory, outer=self.engine, hook=False) as private:
            (private.cdi / "nvidia.json").write_text(json.dumps(specification()))
            yield private

    def offered(self) -> tuple[str, ...]:
        info = Info.from_json(json.loads(self.engine("info", "--format", "{{json .}}")))
        return offered_modes(info, nvidia.hook_on_path())


@pytest.fixture(scope="session")
def ways(engine: Engine, base_image: str, build_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Ways:
    return Ways(engine, base_image, build_environment, tmp_path_factory.mktemp("gpu"))


@pytest.fixture(scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def box(way: str, ways: Ways) -> Iterator[Box]:
    """One container for each way, for all tests of a module."""
    with ways.box(way, "cuda") as started:
        yield started


@pytest.fixture
def nvidia_ctk() -> str:
    """The toolkit's program."""
    return shutil.which("nvidia-ctk") or pytest.skip("there is no nvidia-ctk here to compare with")


# --- What was shown -------------------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if item.get_closest_marker("gpu") and (report.when == "call" or report.outcome != "passed"):
        item.config.stash.setdefault(_rows, []).append(_row(item, report))
    return report


def _row(item: pytest.Item, report: pytest.TestReport) -> evidence.Row:
    function: Any = getattr(item, "function", None)
    claim = str(function.__doc__).splitlines()[0].rstrip(".")
    way = getattr(item, "callspec", None)
    shown = str(dict(report.user_properties).get("shown", ""))
    if report.outcome != "passed":
        words = [report.longrepr[2]] if isinstance(report.longrepr, tuple) else str(report.longrepr).splitlines()
        shown = next((line[1:].strip() for line in words if line.startswith("E ")), words[-1]).removeprefix("Skipped: ")
    return evidence.Row(claim, way.id if way else "", report.outcome, shown, report.duration)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Nothing is written where no test of the tier could run."""
    rows = session.config.stash.get(_rows, [])
    target = session.config.getoption("--evidence")
    if target and any(row.outcome != "skipped" for row in rows):
        Path(target).write_text(evidence.page(rows, evidence.host_in_words(), evidence.today()))
