"""Compiled templates, kept in the user's cache directory: compiling them is a third of the time that `init` takes."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from jinja2 import FileSystemBytecodeCache
from jinja2.bccache import Bucket


class CompiledTemplates(FileSystemBytecodeCache):
    """jinja2's own cache, which tells by a checksum that a template has changed; a disk that refuses only makes it useless."""

    @classmethod
    def own(cls) -> CompiledTemplates | None:
        """The cache under $XDG_CACHE_HOME, or None where that cannot be written."""
        directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "composegen" / "templates"
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            return None
        return cls(str(directory))

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().dump_bytecode(bucket)
