"""What the last run left behind for the next: which inputs an image was built from, which keys a container has.

One small file per folder under `$XDG_STATE_HOME/composegen`. Losing it costs a build that finds everything cached, never more.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Memory:
    folder: str = ""
    inputs: str = ""  # digest of what `image` was built from
    image: str = ""
    base: str = ""  # id of the base image then; empty when the engine has none of that name
    project: str = ""  # whose volumes this folder has used
    container: str = ""
    credentials: str = ""  # digest of the keys and the password that `container` has
    interpreter: str = ""  # of the image, found in the container
    declined: str = ""  # what was asked once, and is not asked again


def recall(folder: Path, environment: Mapping[str, str] | None = None) -> Memory:
    """What was remembered about this folder; an empty memory when there is none or it cannot be read."""
    try:
        loaded = json.loads(_file(folder, environment).read_text(encoding="utf-8"))
        known = {each.name: str(loaded[each.name]) for each in fields(Memory) if each.name in loaded}
    except (OSError, ValueError, TypeError):
        return Memory()
    return Memory(**known)


def remember(folder: Path, memory: Memory, environment: Mapping[str, str] | None = None) -> None:
    """Keep it, whole or not at all. A state directory that cannot be written is no failure: the next run only does more."""
    target = _file(folder, environment)
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, unfinished = tempfile.mkstemp(dir=target.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(memory), file, indent=1)
            Path(unfinished).replace(target)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise


def folders_of(project: str, environment: Mapping[str, str] | None = None) -> tuple[Path, ...]:
    """Every folder of this person's in which that project was started."""
    found = []
    for file in _file(Path(), environment).parent.glob("*.json"):
        with suppress(OSError, ValueError):
            loaded = json.loads(file.read_text(encoding="utf-8"))
            if isinstance(loaded, dict) and loaded.get("project") == project:
                found.append(Path(str(loaded.get("folder"))))
    return tuple(found)


def forget(folder: Path, environment: Mapping[str, str] | None = None) -> None:
    with suppress(OSError):
        _file(folder, environment).unlink()


def _file(folder: Path, environment: Mapping[str, str] | None) -> Path:
    exported = os.environ if environment is None else environment
    configured = Path(exported.get("XDG_STATE_HOME", ""))
    state = configured if configured.is_absolute() else Path.home() / ".local" / "state"
    name = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:20]
    return state / "composegen" / "folders" / f"{name}.json"
