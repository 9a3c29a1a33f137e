"""What takes longer to make than to read, kept as JSON in the user's cache. Without it everything works, only slower."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path


def file(kind: str, made_from: bytes) -> Path:
    """Where the value made from that content is kept. `kind` is a folder; say in the content whatever changes the value."""
    cached = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cached / "composegen" / kind / f"{hashlib.sha256(made_from).hexdigest()[:32]}.json"


def keep(kept: Path, value: object) -> None:
    """Whole or not at all; where the cache cannot be written, not at all."""
    unfinished = kept.with_suffix(f".{os.getpid()}")
    with suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished.write_text(json.dumps(value), encoding="utf-8")
        unfinished.replace(kept)
