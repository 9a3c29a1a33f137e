"""The container's environment, as every kind of session sees it."""

from __future__ import annotations

import re

from composegen.errors import EngineError
from composegen.smoke.probe import Fail, Found, Skip, Visit

# A session's own variables, composegen's mark, and what would be a password.
OWN = re.compile(r"HOME|USER|LOGNAME|SHELL|PWD|OLDPWD|TERM|SHLVL|HOSTNAME|BASH_ENV|ENV|_|SSH_PASSWORD|COMPOSEGEN_ENTERED")
NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")  # of what every shell passes on
CONTAINER = "cat /proc/1/environ"
MARK = "\x01"  # what ~/.bashrc or /etc/profile.d print comes before it
SAY = r'printf "\001"; env -0'
VIEWS = {  # command line, standard input: as people and `ssh HOST nvidia-smi`, JetBrains IDEs, and VS Code open them
    "a command": (SAY, ""),
    "a login shell": (f"$SHELL -lc '{SAY}'", ""),
    "a shell on standard input": ("bash", f"{SAY}\n"),
}
SHOWN = 3  # names


def environment(visit: Visit) -> Found:
    """What the image, Compose and a GPU runtime put into the container's environment is the same in every kind of session."""
    there = _variables(_containers(visit))
    if not there:
        raise Skip("the container's own environment cannot be read by this user")
    broken = sorted(name for name, value in there.items() if "\n" in value)
    expected = {name: value for name, value in there.items() if name not in broken}
    wrong = {view: _differing(expected, _seen(visit, view)) for view in VIEWS}
    if any(wrong.values()):
        said = "; ".join(f"{view} has {_several(names)} otherwise" for view, names in wrong.items() if names)
        raise Fail(f"not as in the container: {said}", hint="`composegen restart` writes them anew", data={"variables": wrong})
    left_out = f"; {_several(broken)} cannot be, with a line break" if broken else ""
    return Found(f"{len(expected)} variables as in the container{left_out}", {"variables": sorted(expected)})


def _containers(visit: Visit) -> str:
    """What the container was started with; nothing where nobody may know."""
    if visit.target.door is not None:
        try:
            return visit.target.door.inside(CONTAINER.split())
        except EngineError:
            pass
    return visit.shell(f"{CONTAINER} 2>/dev/null || sudo -n {CONTAINER} 2>/dev/null").stdout


def _seen(visit: Visit, view: str) -> dict[str, str]:
    command, stdin = VIEWS[view]
    result = visit.session.run(command, stdin=stdin.encode())
    _, mark, variables = result.stdout.partition(MARK)
    if not mark:
        raise Fail(f"{view} does not say its environment but {result.output[:200]!r}", hint="~/.bashrc or ~/.profile may end it")
    return _variables(variables)


def _differing(expected: dict[str, str], seen: dict[str, str]) -> list[str]:
    return sorted(name for name, value in expected.items() if not _keeps(name, value, seen.get(name)))


def _keeps(name: str, value: str, seen: str | None) -> bool:
    """In front of PATH a user may put folders: Debian's ~/.profile does, with ~/bin and ~/.local/bin."""
    return seen == value or (name == "PATH" and seen is not None and seen.endswith(f":{value}"))


def _several(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _variables(text: str) -> dict[str, str]:
    pairs = (entry.split("=", 1) for entry in text.split("\0") if "=" in entry)
    return {name: value for name, value in pairs if NAME.fullmatch(name) and not OWN.fullmatch(name)}
