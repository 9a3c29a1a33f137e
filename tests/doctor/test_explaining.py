"""Texts of any size, shape and encoding, and the order of what is found in them."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from composegen.doctor import Cause, explain, explained
from composegen.doctor.cause import REACH, Pattern
from composegen.doctor.text import BLOCK, OVERLAP
from composegen.engine.failures import failure
from composegen.errors import CommandFailed, ComposegenError, EngineError, FolderError, NotReachable

NVML = "Failed to initialize NVML: Unknown Error"


class Dripping(io.BytesIO):
    """Gives a few bytes at a time, as a pipe does."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(7)


def found_in(text: bytes) -> list[str]:
    return [match.cause.id for match in explain(io.BytesIO(text))]


@pytest.mark.parametrize(
    "text",
    [
        NVML.encode(),
        f"{NVML}\r\n".encode(),
        f"\x1b[1;31m{NVML.replace('NVML', chr(27) + '[0mNVML')}\x1b[0m\n".encode(),
        f"\x1b]0;title\x07{NVML}".encode(),
        f" 10%\r 50%\r{NVML}\r".encode(),
        f"\ufeff{NVML}".encode(),
        NVML.encode("utf-16"),
        NVML.encode("utf-16-le"),
        NVML.encode("utf-16-be"),
        b"\xff\xfe\x00\xd8\n\x00" + NVML.encode("utf-16-le"),
        b"\x00\xff\x80" * 1000 + b"\n" + NVML.encode() + b"\x00\x00",
        f'{{"message": "exit status 1, stderr: \\n{NVML}\\n"}}'.encode(),
        f"dev-1  | {NVML}".upper().encode(),
    ],
)
def test_the_shape_of_a_text_does_not_matter(text: bytes) -> None:
    assert found_in(text) == ["gpu-lost"]
    assert [match.cause.id for match in explain(Dripping(text))] == ["gpu-lost"]


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"\x00" * 5000, bytes(range(256)) * 50, b"\xff\xfe", b"\xfe\xff\x00", b"all is well\n"]
)
def test_nothing_is_guessed(text: bytes) -> None:
    assert found_in(text) == []


def test_words_that_only_begin_or_end_alike_are_not_it() -> None:
    assert found_in(b"prefailed to initialize nvml: unknown error") == []
    assert found_in(b"failed to initialize nvml: unknown errors") == []


def test_the_line_that_says_so_is_shown_with_its_number() -> None:
    text = "one\r\ntwo \u2018three\u2019\n\x1b[31m  dev-1  | " + NVML + "  \x1b[0m\nfour\n"
    (match,) = explain(io.BytesIO(text.encode()))
    assert (match.line, match.evidence) == (3, f"dev-1 | {NVML}")


def test_a_line_of_any_length_is_shown_around_the_place() -> None:
    (match,) = explain(io.BytesIO(b"x" * 3 * BLOCK + b" " + NVML.encode() + b" " + b"y" * 3 * BLOCK))
    assert match.line == 1
    assert NVML in match.evidence and len(match.evidence) <= 300


@pytest.mark.parametrize("where", [0, 1, BLOCK - 60, BLOCK - 20, BLOCK, BLOCK + OVERLAP, 3 * BLOCK - 30])
def test_the_edges_of_blocks_cut_nothing(where: int) -> None:
    before = b"a line\n" * (where // 7) + b"." * (where % 7)
    text = before + b"\nunknown shorthand flag: 'd' in -d\n\nUsage:  docker [OPTIONS] COMMAND\n" + b"more\n" * BLOCK
    (match,) = explain(io.BytesIO(text))
    assert (match.cause.id, match.line) == ("compose-missing", before.count(b"\n") + 2)


def test_lines_of_a_pattern_may_stand_apart_and_not_too_far() -> None:
    pattern = Pattern("it broke\nbecause of … this")
    assert pattern.found_in(b"xx it broke\n\n  because of all this") == 3
    assert pattern.found_in(b"it broke\n" + b"-" * REACH + b"\nbecause of this") is None
    assert pattern.found_in(b"it broke\nbecause of\nthis") is None
    assert pattern.found_in(b"it broke it broke\nbecause of this") == 0


def cause(name: str, pattern: str, *leads_to: str) -> Cause:
    return Cause(name, name, (Pattern(pattern),), "why", {"any": ("mend it",)}, "https://example.com/", leads_to)


CHAIN = (
    cause("last", "red alarm"),
    cause("middle", "green alarm", "last"),
    cause("root", "blue alarm", "middle"),
    cause("other", "grey alarm"),
)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("red alarm\ngreen alarm\nblue alarm", ["root", "middle", "last"]),
        ("red alarm\nblue alarm", ["root", "last"]),  # what is between them was not said
        ("grey alarm\nred alarm\ngreen alarm", ["other", "middle", "last"]),
        ("red alarm\ngrey alarm", ["last", "other"]),
    ],
)
def test_the_root_comes_first_then_the_order_of_the_text(text: str, order: list[str]) -> None:
    found = explain(io.BytesIO(text.encode()), CHAIN)
    assert [match.cause.id for match in found] == order


def test_what_follows_from_what_is_said() -> None:
    found = explain(io.BytesIO(b"red alarm\ngreen alarm\nblue alarm"), CHAIN)
    assert {match.cause.id: set(match.follows_from) for match in found} == {
        "root": set(),
        "middle": {"root"},
        "last": {"root", "middle"},
    }


def test_a_log_with_a_whole_chain_of_errors_begins_with_what_began_it() -> None:
    text = """
    Could not establish connection to "work": The VS Code Server failed to start
    ssh: connect to host 127.0.0.1 port 2222: Connection refused
    dev-1  | INFO gave up: sshd entered FATAL state, too many start retries too quickly
    dev-1  | Missing privilege separation directory: /run/sshd
    """
    assert found_in(text.encode()) == ["privsep-missing", "supervisor-gave-up", "ssh-refused", "vscode-no-connection"]


# --- Size ------------------------------------------------------------------------------------------------------------------

READS_MUCH = """
import io, resource, sys
from composegen.doctor import explain, causes

class Endless(io.RawIOBase):
    left = 100 << 20
    def read1(self, size):
        self.left -= size
        return ({piece} * (size // len({piece}) + 1))[:size] if self.left > 0 else b""

print(len(explain(Endless())), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_a_hundred_megabytes_are_read_in_a_minute_and_little_memory() -> None:
    line = b"#12 3.4 Get:5 http://deb.debian.org/debian bookworm/main amd64 libfoo 1.2-3 [45 kB]\n"
    script = READS_MUCH.replace("{piece}", repr(line))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    found, megabytes = map(int, done.stdout.split())
    assert found == 0 and megabytes < 200, done.stderr


@pytest.mark.parametrize(
    "piece", [b"no line end ", b"unknown flag: ", b"permission denied (x ", b"could not ", b"error response from daemon: network "]
)
def test_a_text_made_to_be_slow_is_not(piece: bytes) -> None:
    began = READS_MUCH.replace("{piece}", repr(piece)).replace("100 <<", "20 <<")
    done = subprocess.run([sys.executable, "-c", began], capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("0 "), done.stderr


# --- Failures of the engine ------------------------------------------------------------------------------------------------


def test_an_engine_that_cannot_be_used_is_told_by_its_cause_alone() -> None:
    error = explained(
        failure(("docker", "ps"), 1, "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?")
    )
    assert type(error) is EngineError and error.message == "Docker's daemon does not answer"
    assert error.hint


def test_a_failed_command_keeps_its_words_and_gets_its_cause_as_a_hint() -> None:
    raised = failure(("docker", "compose", "up"), 3, f"Container x  Starting\n{NVML}\n")
    error = explained(raised)
    assert isinstance(error, CommandFailed)
    assert (error.output, error.exit_code) == (raised.output, 3)
    assert (error.hint or "").startswith("a running container lost its GPU:\n")


@pytest.mark.parametrize(
    "error",
    [
        NotReachable("SSH of 'work' did not come up", hint="mine", said=f"container 'work': running\n  | {NVML}"),
        NotReachable(f"cannot log in to root@127.0.0.1:2222: {NVML}", hint="mine"),
        EngineError("the container is not running: created, never started", hint="mine", said=NVML),
    ],
    ids=["log", "library", "state"],
)
def test_what_a_container_or_ssh_said_comes_before_the_errors_own_hint(error: ComposegenError) -> None:
    message = error.message
    told = explained(error)
    assert type(told) is type(error) and told.message == message
    first, *_, last = (told.hint or "").splitlines()
    assert (first, last) == ("a running container lost its GPU:", "mine")


def test_other_errors_stay_as_they_are() -> None:
    for own in (FolderError(NVML, hint="mine"), NotReachable("nothing listens on 127.0.0.1:2222", hint="mine")):
        assert explained(own) is own and own.hint == "mine"
    unknown = failure(("docker", "compose", "up"), 17, "something nobody has seen before")
    assert explained(unknown) is unknown and unknown.hint is None
