"""A debugger's side of the Debug Adapter Protocol, as much of it as a breakpoint needs.

Messages are JSON behind a Content-Length header; requests are answered by `response`, and `event` comes whenever it likes
(https://microsoft.github.io/debug-adapter-protocol/overview).
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import BufferedRWPair
from pathlib import Path
from typing import Any

PATIENCE = 60.0  # seconds; importing a framework takes a while
Message = dict[str, Any]


class ConnectionClosed(Exception):
    pass


@dataclass
class Debugger:
    """One connection. `request` sends, `answer` waits for what a request came to, `event` for what the program does."""

    stream: BufferedRWPair[Any, Any]
    sent: int = 0
    unread: list[Message] = field(default_factory=list)  # what came while something else was waited for

    def request(self, command: str, **arguments: Any) -> int:
        """The number of the request, for `answer`."""
        self.sent += 1
        body = json.dumps({"seq": self.sent, "type": "request", "command": command, "arguments": arguments}).encode()
        self.stream.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.stream.flush()
        return self.sent

    def answer(self, number: int) -> Message:
        """The body of a response. Raises AssertionError: the request failed."""
        found = self._next({"type": "response", "request_seq": number})
        assert found["success"], found
        return dict(found.get("body") or {})

    def ask(self, command: str, **arguments: Any) -> Message:
        return self.answer(self.request(command, **arguments))

    def event(self, name: str) -> Message:
        return dict(self._next({"type": "event", "event": name}).get("body") or {})

    def attach(self, here: Path, there: str, breakpoints: dict[Path, list[int]]) -> list[Message]:
        """Attach to a program that waits, map the folder `here` to `there`, and let it run; what became of the breakpoints."""
        # The answer to `attach` comes behind that to `configurationDone`.
        attached = self.request("attach", justMyCode=True, pathMappings=[{"localRoot": str(here), "remoteRoot": there}])
        self.event("initialized")
        found = [
            point
            for file, lines in breakpoints.items()
            for point in self.ask("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": line} for line in lines])[
                "breakpoints"
            ]
        ]
        self.ask("configurationDone")
        self.answer(attached)
        return found

    def variables(self, frame: Message) -> dict[str, str]:
        """The local variables of a frame, as a debugger shows them."""
        (scope,) = [each for each in self.ask("scopes", frameId=frame["id"])["scopes"] if each["name"] == "Locals"]
        found = self.ask("variables", variablesReference=scope["variablesReference"])["variables"]
        return {each["name"]: each["value"] for each in found}

    def _next(self, wanted: Message) -> Message:
        """The first message that is `wanted`."""
        for number, message in enumerate(self.unread):
            if wanted.items() <= message.items():
                return self.unread.pop(number)
        while not wanted.items() <= (message := self._read()).items():
            self.unread.append(message)
        return message

    def _read(self) -> Message:
        length = 0
        while line := self.stream.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        if not length:
            raise ConnectionClosed(f"unread: {self.unread}")
        return dict(json.loads(self.stream.read(length)))


@contextmanager
def connected(port: int) -> Iterator[Debugger]:
    """To the adapter behind 127.0.0.1:PORT, once it answers: a forward takes connections before anybody is at its other end."""
    deadline = time.monotonic() + PATIENCE
    while (debugger := _introduced(port)) is None:
        assert time.monotonic() < deadline, f"no debugger behind port {port}"
        time.sleep(0.1)
    with debugger.stream:
        yield debugger


def _introduced(port: int) -> Debugger | None:
    with suppress(OSError, ConnectionClosed), socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        debugger = Debugger(connection.makefile("rwb"))
        debugger.ask("initialize", adapterID="debugpy", pathFormat="path", linesStartAt1=True)
        return debugger
    return None
