"""Bytes as a program, a terminal or PowerShell left them → blocks of clean lines, in bounded memory."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from composegen.doctor.cause import REACH

BLOCK = 256 * 1024  # bytes that are read at once
LONGEST_LINE = BLOCK  # a longer one is searched in parts
BOM = 4  # bytes of a beginning that tell the encoding, at least
OVERLAP = 2 * REACH  # bytes of a block that the next one begins with, so that a pattern of several lines is not cut

_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|[@-Z\\-_])")
# What a text inside JSON or a Go string has in place of a character; typographic quotes; Windows' line ends.
_SAME = (
    (b"\\n", b" "),
    (b"\\t", b" "),
    (b'\\"', b'"'),
    ("‘".encode(), b"'"),
    ("’".encode(), b"'"),
    ("“".encode(), b'"'),
    ("”".encode(), b'"'),
    (b"\r", b" "),
)


class Stream(Protocol):
    def read1(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class Block:
    """Some lines of a text. `content` has them as they were, but for terminal codes; `plain` is what patterns are sought in."""

    first_line: int  # from 1
    content: bytes

    @property
    def plain(self) -> bytes:
        text = self.content.lower()
        for written, meant in _SAME:
            text = text.replace(written, meant)
        return text


def blocks(stream: Stream) -> Iterator[Block]:
    """The text in blocks, each with the end of the one before. Raises OSError: it cannot be read."""
    kept, line = b"", 1
    for read in _utf8(stream):
        text = _without_escapes(kept + read)
        whole = text.rfind(b"\n") + 1 if len(text) < LONGEST_LINE + OVERLAP else len(text)
        if whole <= len(kept):
            kept = text
            continue
        yield Block(line, text[:whole])
        cut = max(0, whole - OVERLAP)
        line += text.count(b"\n", 0, cut)
        kept = text[cut:]
    if kept:
        yield Block(line, kept)


def _without_escapes(text: bytes) -> bytes:
    return _ESCAPES.sub(b"", text) if b"\x1b" in text else text


def _utf8(stream: Stream) -> Iterator[bytes]:
    """What was read, in UTF-8 where it came as UTF-16. Whatever is in no known encoding stays as it is."""
    reads = _reads(stream)
    first = b""
    while len(first) < BOM and (read := next(reads, b"")):
        first += read
    encoding = _encoding(first)
    if encoding is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from reads
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    yield decoder.decode(first).encode()
    yield from (decoder.decode(read).encode() for read in reads)
    yield decoder.decode(b"", final=True).encode()


def _reads(stream: Stream) -> Iterator[bytes]:
    """Until the end, or until the user has seen enough: at the end of a pipe often stands a program that goes on."""
    with suppress(KeyboardInterrupt):
        while read := stream.read1(BLOCK):
            yield read


def _encoding(start: bytes) -> str | None:
    """UTF-16 as PowerShell writes it, with a byte order mark or without; None for all else."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    sample = start[:1024]
    half = len(sample) // 2
    if half >= 2 and sample[1::2].count(0) > 0.9 * half and sample[::2].count(0) == 0:
        return "utf-16-le"
    if half >= 2 and sample[::2].count(0) > 0.9 * half and sample[1::2].count(0) == 0:
        return "utf-16-be"
    return None
