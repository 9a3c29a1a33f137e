"""`ssh composegen-NAME` as a step of the journey. Nothing that is wrong with it keeps anybody from the container."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from composegen.engine import memory
from composegen.errors import ComposegenError
from composegen.model import Settings
from composegen.ssh import Address, KnownHosts, keys
from composegen.ssh.address import PREFIX
from composegen.ssh.alias import Alias, command, include_line, included, publish, published
from composegen.ssh.alias import withdraw as take_out
from composegen.up.state import Options, State

Say = Callable[[str], None]

DECLINED = "ssh_config"  # in a folder's memory
BY_HAND = "# For the top of ~/.ssh/config, in front of any `Host *`. Where composegen writes a file of its own, one line does: "


def write(state: State) -> tuple[State, str]:
    """The alias says where the container is now, and `~/.ssh/config` includes it where somebody agreed to that. Never raises."""
    if state.options.ssh_config is False:
        return state, "skipped, as asked"
    home, name = Path.home(), state.engine.project
    state = _asked(state, home)
    include = state.options.ssh_config is True
    if not (_published(state, home, include=include) or (include and _published(state, home, include=False))):
        return state, "none, as said above"
    if included(home):
        return replace(state, alias=f"{PREFIX}{name}"), f"`{command(name, home)}`"
    return state, f"not in {home}/.ssh/config: `composegen up --ssh-config` puts this line there: {include_line()}"


def foresee(name: str, options: Options) -> str:
    """What `write` would do."""
    if options.ssh_config is False:
        return "nothing, as asked"
    if options.ssh_config or included(Path.home()):
        return f"`{command(name, Path.home())}`, by one line in ~/.ssh/config"
    return "a file of composegen's own; ~/.ssh/config gets its line after a yes, or with --ssh-config"


def _asked(state: State, home: Path) -> State:
    """Whether the user's own file may have our line: a person is asked, and once. Other aliases without the line are a no, too."""
    if state.options.ssh_config is None and included(home):
        return replace(state, options=replace(state.options, ssh_config=True))
    if state.options.ssh_config is not None or not state.talk.asks or state.memory.declined == DECLINED or _all():
        return state
    alias = f"{PREFIX}{state.engine.project}"
    agreed = state.talk.confirm(f"May {home}/.ssh/config get a line at its top, so that `ssh {alias}` works?")
    known = replace(state.memory, declined="" if agreed else DECLINED)
    memory.remember(state.folder.path, known)
    return replace(state, options=replace(state.options, ssh_config=agreed or None), memory=known)


def _all() -> tuple[str, ...]:
    """The projects that have an alias; none where our file cannot be read, which is said when it is written."""
    try:
        return published()
    except ComposegenError:
        return ()


def _published(state: State, home: Path, *, include: bool) -> bool:
    """Whether that went well; if not, why is said."""
    try:
        publish(of(state.engine.project, state.address, state.folder.settings), home=home, include=include)
    except ComposegenError as error:
        _explain(state.talk.say, "no line for the alias" if include else "no alias", error)
        return False
    return True


def of(project: str, address: Address, settings: Settings) -> Alias:
    """Raises SshError or UsageError: there can be none."""
    return Alias(project, address, keys.own_key(), KnownHosts.own().path, settings.forward_agent == "yes")


def by_hand(project: str, address: Address, settings: Settings) -> str:
    """What a user can put into `~/.ssh/config`. Raises like `of`, and SshError: ssh_config has no way to write a path."""
    return f"{BY_HAND}{include_line()}\n{of(project, address, settings).text()}"


def by_alias(state: State) -> str:
    """The command that reaches the container by its alias; empty where that does not work."""
    return command(state.engine.project, Path.home()) if state.alias else ""


def renew(state: State) -> None:
    """An alias that is there says where the container is now. Never raises, and never touches `~/.ssh/config`."""
    if state.engine.project in _all():
        _published(state, Path.home(), include=False)


def is_there(name: str) -> bool:
    return name in _all()


def works(name: str) -> bool:
    """Whether `ssh composegen-NAME` finds it."""
    return is_there(name) and included(Path.home())


def withdraw(name: str, say: Say) -> bool:
    """Take the alias out again, also where its container was gone before; whether there was one. Never raises."""
    try:
        return take_out(name, home=Path.home())
    except ComposegenError as error:
        _explain(say, f"the alias {PREFIX}{name} stays", error)
        return False


def _explain(say: Say, what: str, error: ComposegenError) -> None:
    say(f"note: {what}: {error.message}")
    if error.hint:
        say(f"  hint: {error.hint}")
