"""Which Python the container's sessions find: an IDE is told one, and the others must not be another."""

from __future__ import annotations

from dataclasses import dataclass

from composegen.ssh import Session

INTERPRETER_FILE = "/etc/composegen/interpreter"
FIND = "command -v python || command -v python3"
MARK = "\x01"  # what ~/.bashrc or /etc/profile.d print comes before it
SAY = rf"""
    say() {{ printf '%s\n' "$1"; }}
    recorded=$(cat {INTERPRETER_FILE} 2>/dev/null)
    found=$({FIND})
    printf '\001'
    say "$recorded"
    say "$found"
    say "$("${{SHELL:-bash}}" -lc '{FIND}' 2>/dev/null | tail -n 1)"
    for python in "$recorded" "$found"; do
        if [ -x "$python" ]; then "$python" --version 2>&1; break; fi
    done
"""


@dataclass(frozen=True)
class Pythons:
    """Paths; empty where that finds none."""

    image: str  # found when the image was built, by its ENV
    command: str  # by `ssh HOST python`
    login_shell: str  # by `$SHELL -lc python`, as JetBrains' IDEs look
    version: str  # of `chosen`; empty: it does not run

    @classmethod
    def parse(cls, said: str) -> Pythons:
        """What `SAY` says."""
        lines = said.rpartition(MARK)[2].splitlines()
        image, command, login_shell, version, *_ = [*lines, "", "", "", ""]
        return cls(image, command, login_shell, version.removeprefix("Python "))

    @property
    def chosen(self) -> str:
        """The image's own: the framework was installed for it, and requirements.txt, too."""
        return self.image or self.command

    @property
    def disagreement(self) -> str:
        """Who sees another one, and which to choose; empty where all agree."""
        seen = {"`ssh HOST python`": self.command, "a login shell": self.login_shell}
        others = [f"{who} finds {path or 'none'}" for who, path in seen.items() if path != self.chosen]
        return f"{'; '.join(others)}: choose {self.chosen}, which the image was built with" if others else ""


def find(session: Session) -> Pythons:
    """Raises SshError."""
    import shlex

    return Pythons.parse(session.run(f"sh -c {shlex.quote(SAY)}").stdout)
