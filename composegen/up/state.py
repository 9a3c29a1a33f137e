"""What the journey starts with, knows on its way, and ends with. All frozen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from composegen.engine import Container, Engine, Look, inputs, memory
from composegen.errors import EngineError
from composegen.folder import Folder, variables
from composegen.ssh import Address

if TYPE_CHECKING:
    from composegen.model import Finding, Report
    from composegen.ssh import Session

TIMEOUT = 60.0  # seconds that a started container has until somebody can log in


@dataclass(frozen=True)
class Options:
    timeout: float = TIMEOUT  # seconds
    build: bool = False  # ask BuildKit even when nothing changed
    recreate: bool = False  # make the container anew, whatever that loses
    test: bool = True  # after a creation
    adopt: bool = False  # use volumes of this project's name that another folder may have made
    rotate_host_keys: bool = False
    ssh_config: bool | None = None  # may ~/.ssh/config get our line; None: ask once; False: no alias at all


@dataclass(frozen=True)
class Talk:
    """How the journey speaks: `say` a line, `confirm` a question (False where nobody can be asked), `tell` a test's finding."""

    say: Callable[[str], None]
    confirm: Callable[[str], bool] = lambda question: False
    tell: Callable[[Finding], None] = lambda finding: None
    asks: bool = False  # whether there is anybody whom `confirm` asks


@dataclass(frozen=True)
class State:
    """What is known so far."""

    folder: Folder
    engine: Engine
    options: Options
    talk: Talk
    look: Look = field(default_factory=lambda: Look(container=None))
    memory: memory.Memory = field(default_factory=memory.Memory)
    inputs: str | None = None  # digest of what the image depends on now
    config_hash: str = ""  # what Compose would label the container with now
    created: bool = False
    session: Session | None = None
    report: Report | None = None
    alias: str = ""  # `composegen-NAME`; empty where that does not work

    @property
    def container(self) -> Container:
        """Raises EngineError: there is none, or somebody removed it meanwhile."""
        if self.look.container is None:
            raise EngineError(f"the container '{self.engine.project}' is gone", hint="`composegen up` makes it again")
        return self.look.container

    @property
    def address(self) -> Address:
        settings = self.folder.settings
        found = self.look.container
        port = found.port if found and found.port else settings.port
        return Address.published(settings.bind, port, settings.user, project=self.engine.project)

    @property
    def base(self) -> str:
        return inputs.base_image(self.folder.path, self.folder.settings.to_variables())

    @property
    def variables(self) -> Mapping[str, str]:
        """What Compose interpolates with: `.env`, and what is exported over it."""
        return variables(self.folder.path)


@dataclass(frozen=True)
class Result:
    """What one step did."""

    name: str
    detail: str
    seconds: float


@dataclass(frozen=True)
class Connection:
    project: str
    address: Address
    interpreter: str
    code: str
    only_key: Path | None = None  # composegen's own, where neither another key nor a password is let in
    alias: str = ""  # `composegen-NAME`, and the command that reaches the container by it; empty where there is none
    by_alias: str = ""


@dataclass(frozen=True)
class Outcome:
    results: tuple[Result, ...]
    connection: Connection
    report: Report | None

    @property
    def ok(self) -> bool:
        return self.report is None or self.report.ok
