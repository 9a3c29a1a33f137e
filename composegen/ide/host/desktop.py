"""A desktop entry, https://specifications.freedesktop.org/desktop-entry-spec/: what a menu shows, and who opens a link."""

from __future__ import annotations

import re

# With one of these in it an argument is quoted. Others are not: generic xdg-open takes quotes for a part of the name, and does not
# start Gateway by the entry that Gateway itself writes.
RESERVED = re.compile(r"[\s\"'\\><~|&;$*?#()`]")
HEADER = "# composegen ide install wrote this, and --uninstall removes it; once it is edited it is yours."


def entry(*, title: str, comment: str, command: str, icon: str, window: str, scheme: str) -> str:
    """The text of a .desktop file. `command` is an absolute path, `icon` one or the name of an icon, `window` its WM_CLASS."""
    return f"""{HEADER}
[Desktop Entry]
Type=Application
Version=1.0
Name={text(title)}
Comment={text(comment)}
Exec={text(argument(command))} %u
Icon={text(icon)}
Terminal=false
Categories=Development;IDE;
StartupWMClass={text(window)}
MimeType=x-scheme-handler/{scheme};
"""


def argument(word: str) -> str:
    """One argument of Exec, whatever is in it."""
    word = word.replace("%", "%%")
    return '"' + re.sub(r'(["`$\\])', r"\\\1", word) + '"' if RESERVED.search(word) else word


def text(value: str) -> str:
    """A value of type string; a line break or a backslash in it is no end of it."""
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    return re.sub("^ ", r"\\s", escaped)
