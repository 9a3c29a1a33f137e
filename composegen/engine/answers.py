"""Reading what `docker` prints."""

from __future__ import annotations

import io
import json
import re
from typing import Any

from composegen.errors import EngineError


def label(name: str) -> str:
    return f'{{{{.Label "{name}"}}}}'


def objects(text: str) -> list[dict[str, Any]]:
    """The objects that `docker inspect` prints. Raises EngineError: it printed something else."""
    try:
        found = json.loads(text or "[]")
    except ValueError:
        found = None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise EngineError("`docker inspect` did not answer with a list of objects", hint="is `docker` on the PATH really Docker's?")
    return found


def tagged(images: list[dict[str, Any]], name: str) -> str:
    """The id of the image of that name; empty when it is not among them."""
    wanted = {name, f"{name}:latest", name.removeprefix("docker.io/").removeprefix("library/")}
    return next(
        (str(each["Id"]) for each in images if wanted & {*(each.get("RepoTags") or []), *(each.get("RepoDigests") or [])}), ""
    )


def only_file(archive: str) -> str:
    """The text of the one file in a tar archive; empty where there is none."""
    import tarfile

    try:
        with tarfile.open(fileobj=io.BytesIO(archive.encode())) as opened:
            file = opened.extractfile(opened.getmembers()[0])
            return file.read().decode() if file else ""
    except (tarfile.TarError, IndexError, UnicodeError):
        return ""


def number(version: str) -> tuple[int, int]:
    found = re.search(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
