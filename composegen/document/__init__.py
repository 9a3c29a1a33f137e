"""YAML, the only room that knows ruamel.yaml. Reading gives plain values; merging edits the text and never re-emits it.

load(text)                       a document as plain values
places(text), line_of(path, …)    the line of every place in it, and of the nearest one
choices(text), choices_lines(c)  what `x-composegen` records, read and written
quoted(value)                    a string as Compose reads it back
dump(value, comments)            plain values as a new document

`composegen.document.merge` (three versions of a compose file → one) and `composegen.document.lines` (the same for any text) are
imported by name: most commands do without them.
"""

from composegen.document.reading import line_of, load, places
from composegen.document.record import (
    OWN,
    PLAIN,
    RESTORE,
    SCHEMA,
    WORDS,
    X_COMPOSEGEN,
    choices,
    choices_lines,
    quoted,
    scalar,
    template,
)
from composegen.document.writing import dump

__all__ = [
    "OWN",
    "PLAIN",
    "RESTORE",
    "SCHEMA",
    "WORDS",
    "X_COMPOSEGEN",
    "choices",
    "choices_lines",
    "dump",
    "line_of",
    "load",
    "places",
    "quoted",
    "scalar",
    "template",
]
