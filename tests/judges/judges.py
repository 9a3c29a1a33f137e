"""Public linters and what they find in a folder, in one shape. Their versions: scripts/install-judges.sh and constraints.txt."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".judges"


@dataclass(frozen=True)
class Finding:
    """One remark. `file` is relative to the repository; `line` is the text of the line that it is about, without indentation."""

    tool: str
    rule: str
    file: str
    number: int
    line: str
    message: str

    def __str__(self) -> str:
        return f"{self.tool} {self.rule} {self.file}:{self.number}: {self.line!r}: {self.message}"


def hadolint(folders: Sequence[Path]) -> Iterator[Finding]:
    for dockerfile in _files(folders, "Dockerfile"):
        for found in _json("hadolint", "--no-color", "--format", "json", dockerfile):
            yield _finding("hadolint", found["code"], dockerfile, found["line"], found["message"])


def checkov(folders: Sequence[Path]) -> Iterator[Finding]:
    files = [word for dockerfile in _files(folders, "Dockerfile") for word in ("--file", str(dockerfile))]
    said = _json("checkov", *files, "--framework", "dockerfile", "--output", "json", "--compact", "--quiet", "--skip-download")
    for found in said.get("results", {}).get("failed_checks", []):
        yield _finding("checkov", found["check_id"], Path(found["file_abs_path"]), found["file_line_range"][0], found["check_name"])


def dockerfilelint(folders: Sequence[Path]) -> Iterator[Finding]:
    for dockerfile in _files(folders, "Dockerfile"):
        for file in _json("node", HOME / "node_modules/.bin/dockerfilelint", "-o", "json", dockerfile)["files"]:
            for found in file["issues"]:
                yield _finding("dockerfilelint", found["title"], dockerfile, int(found["line"]), found["description"])


def dclint(folders: Sequence[Path]) -> Iterator[Finding]:
    for compose in _files(folders, "compose*.yaml"):
        for file in _json("node", HOME / "node_modules/.bin/dclint", "--formatter", "json", compose):
            for found in file["messages"]:
                yield _finding("dclint", found["rule"], compose, found["line"], found["message"])


def compose_lint(folders: Sequence[Path]) -> Iterator[Finding]:
    for compose in _files(folders, "compose.yaml"):
        said = _json("compose-lint", "check", "--format", "json", compose)
        assert not said["errors"], said["errors"]
        for found in said["findings"]:
            yield _finding("compose-lint", found["rule_id"], compose, found["line"], found["message"])


def yamllint(folders: Sequence[Path]) -> Iterator[Finding]:
    """With its default rules, as a reader has them: the repository's own configuration is not used."""
    for file in _files(folders, "*.yaml"):
        command = [sys.executable, "-m", "yamllint", "-d", "extends: default", "-f", "parsable", str(file)]
        done = subprocess.run(command, capture_output=True, text=True)
        for number, message, rule in re.findall(r"(?m)^.*?:(\d+):\d+: \[\w+\] (.*) \((\S+)\)$", done.stdout):
            yield _finding("yamllint", rule, file, int(number), message)
        assert done.returncode == 0 or done.stdout, done.stderr


JUDGES: dict[str, Callable[[Sequence[Path]], Iterator[Finding]]] = {
    "hadolint": hadolint,
    "checkov": checkov,
    "dockerfilelint": dockerfilelint,
    "dclint": dclint,
    "compose-lint": compose_lint,
    "yamllint": yamllint,
}


def _files(folders: Sequence[Path], pattern: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.glob(pattern))


def _finding(tool: str, rule: str, file: Path, number: int, message: str) -> Finding:
    lines = file.read_text(encoding="utf-8").splitlines()
    text = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    name = str(file.relative_to(ROOT)) if file.is_relative_to(ROOT) else str(file)
    return Finding(tool, rule, name, number, text, " ".join(message.split()))


def _json(*command: str | Path) -> Any:
    """What a judge prints, whatever its exit status: they exit 1 when they find something."""
    environment = {**os.environ, "PATH": f"{HOME / 'venv/bin'}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    done = subprocess.run([str(word) for word in command], env=environment, capture_output=True, text=True, timeout=300)
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"{command[0]} broke ({done.returncode}): {done.stdout}{done.stderr}") from None
    # checkov prints a summary object, or a list of them where several frameworks ran.
    return said[0] if command[0] == "checkov" and isinstance(said, list) else said
