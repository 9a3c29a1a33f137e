"""What a build depends on, as one digest: equal digests mean that building again would change nothing."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_BUILD = re.compile(r"^    build:.*\n(?:(?: {6,}.*| *)\n)*", re.MULTILINE)
_MENTIONED = re.compile(r"\b(?:build|extends|include):")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")


def digest(directory: Path, variables: Mapping[str, str]) -> str | None:
    """A digest of the Dockerfile, of every file that reaches the build, and of Compose's `build:` with its `variables`.

    None when that cannot be told: `.dockerignore` is not the list of what is let in that composegen writes, so that anything in the
    folder may reach the build, or a file cannot be read. BuildKit then has to look itself.
    """
    found = hashlib.sha256()
    try:
        for path in _files(directory):
            name = path.relative_to(directory).as_posix()
            found.update(f"{name}\0{path.stat().st_mode & 0o111:o}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    except (OSError, _NotAListError):
        return None
    for name, text in _builds(directory):
        found.update(f"{name}\0{text}\0".encode())
        for variable in _VARIABLE.findall(text):
            found.update(f"{variable}={variables.get(variable)}\0".encode())
    return found.hexdigest()


class _NotAListError(Exception):
    pass


def _files(directory: Path) -> Iterator[Path]:
    ignore = directory / ".dockerignore"
    lines = ignore.read_text(encoding="utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    if not patterns or patterns[0] != "*" or not all(_plain(pattern) for pattern in patterns[1:]):
        raise _NotAListError
    yield from (directory / "Dockerfile", ignore)
    for pattern in sorted(patterns[1:]):
        yield from _below(directory / pattern.removeprefix("!"))


def _plain(pattern: str) -> bool:
    return pattern.startswith("!") and not set(pattern) & set("*?[\\")


def _below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for folder, folders, files in os.walk(path):
            folders.sort()
            yield from (Path(folder, name) for name in sorted(files))
    elif path.exists():
        yield path


def _builds(directory: Path) -> Iterator[tuple[str, str]]:
    """The `build:` part of each compose file that has one; a whole file where that is elsewhere or not as we write it."""
    for path in sorted({*directory.glob("compose*.y*ml"), *directory.glob("docker-compose*.y*ml")}):
        text = path.read_text(encoding="utf-8", errors="replace")
        if _MENTIONED.search(text):  # an override that comes and goes, as compose.gpus.yaml, is no reason to build
            yield path.name, "".join(_BUILD.findall(text)) or text


_BASE = re.compile(r"^ +BASE_IMAGE: *[\"']?(?:\$\{BASE_IMAGE:-(?P<default>[^}]*)\}|(?P<fixed>[^\"'\s#]+))", re.MULTILINE)


def base_image(directory: Path, variables: Mapping[str, str]) -> str:
    """The image that the build starts from; empty when compose.yaml no longer says it the way composegen writes it."""
    try:
        found = _BASE.search((directory / "compose.yaml").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return ""
    if found is None:
        return ""
    return found["fixed"] or variables.get("BASE_IMAGE") or found["default"]
