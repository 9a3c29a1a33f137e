"""The user's edits and the template's changes of one file brought together: lines, and in a compose file keys."""

from __future__ import annotations

from fnmatch import fnmatchcase

from composegen.document import lines
from composegen.document.lines import Merged
from composegen.document.merge import merge as merge_document
from composegen.errors import ComposegenError

__all__ = ["Merged", "is_document", "merge"]

DOCUMENTS = ("compose.yaml", "compose.*.yaml")


def merge(path: str, base: str, ours: str, theirs: str) -> Merged:
    """The text of a produced file: `ours` (on disk) with what `theirs` (rendered now) changed of `base` (generated last).

    `path` is relative to the folder. The text has the line ends and the BOM of `ours`, and never a conflict marker. What both
    sides changed to different things is the user's in the text, and its place is in `conflicts`: in a compose file a path of keys,
    while everything else is merged; elsewhere a line of `ours`, and then the text is `ours`, untouched, as it is where one of the
    three is a compose file that is not YAML.
    """
    plain = [lines.plain(text) for text in (base, ours, theirs)]
    try:
        merged = merge_document(path, *plain) if is_document(path) else lines.merge(*plain)
    except ComposegenError as error:
        return Merged(ours, (f"all of it: {error.message}",))
    return Merged(lines.dressed(merged.text, ours), merged.conflicts)


def is_document(path: str) -> bool:
    """Whether a produced file is a compose file."""
    return any(fnmatchcase(path, pattern) for pattern in DOCUMENTS)
