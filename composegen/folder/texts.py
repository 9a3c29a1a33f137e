"""The text of a file on disk. Its line ends and a BOM are a checkout's or an editor's: no edit, and they stay as they are.

But where nothing runs with them: what the container runs and reads is always LF without BOM. Else Linux looks for an interpreter
whose name ends in CR, and sshd and supervisord refuse their configuration. Nobody means that; core.autocrlf of git makes it.
"""

from __future__ import annotations

from pathlib import Path

from composegen.document.lines import BOM, dressed, plain
from composegen.errors import FolderError

__all__ = ["ENV", "plain", "read", "read_text", "unusable", "worn"]

IN_THE_CONTAINER = "container/"
RECORD = ".composegen/"  # composegen's own, which nobody edits
ENV = ".env"


def read_text(path: Path, *, errors: str = "strict") -> str | None:
    """The file's text without BOM, or None where there is none. Raises FolderError: it is there and cannot be read as text."""
    text = read(path, errors=errors)
    return text and text.removeprefix(BOM)


def read(path: Path, *, errors: str = "strict") -> str | None:
    """The same with its BOM."""
    try:
        return path.read_bytes().decode("utf-8", errors)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise FolderError(f"'{path}' is not UTF-8 text", hint="save it as UTF-8, or restore it from version control") from None
    except OSError as error:
        raise FolderError(f"cannot read '{path}': {error.strerror}", hint="look at its owner and mode") from None


def worn(path: str, text: str, like: str) -> str:
    """The new text of a file, with the BOM and the line ends of `like`, what it is until now.

    The text of `.env` was made from what is there, and lacks the BOM alone.
    """
    if path.startswith((IN_THE_CONTAINER, RECORD)):
        return text
    if path == ENV:
        return f"{BOM}{text}" if like.startswith(BOM) else text
    return dressed(text, like)


def unusable(path: str, there: str) -> bool:
    """Whether the container could not start with that text for its line ends or BOM alone; a CR inside a line is an edit."""
    return path.startswith(IN_THE_CONTAINER) and (there.startswith(BOM) or "\r\n" in there) and "\r" not in plain(there)
