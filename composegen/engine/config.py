"""A compose file as Compose itself understands it: interpolated, merged, in its long form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from composegen.engine.command import Command


def resolved(file: Path) -> dict[str, Any]:
    """What `docker compose config` says of a file. Raises EngineError: there is no docker, or the file is none that it takes."""
    said = Command(("docker", "compose", "--file", file.name, "config", "--format", "json"), file.resolve().parent).run()
    found: dict[str, Any] = json.loads(said)
    return found
