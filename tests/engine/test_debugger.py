"""From `up` to a breakpoint: debugpy in the container, a debugger on this host, and the OpenSSH client's forward between them.

The debugger is a client of the Debug Adapter Protocol, as VS Code's is. It knows the program by its path on this host.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.engine.conftest import Work
from tests.support import dap
from tests.support.cli import Cli
from tests.support.engine import Engine, free_port

DEBUGPY = "debugpy==1.8.22"
THERE = "/home/code"
PLACE = 5678  # debugpy's own port, in the container

PYTHON = """\
def area(width, height):
    found = width * height
    return found

print("area", area(6, 7))
"""
MINDSPORE = """\
import numpy
import mindspore
from mindspore import Tensor, ops

def product(size):
    ones = Tensor(numpy.ones((size, size)), mindspore.float32)
    found = float(ops.matmul(ones, ones).sum().asnumpy())
    return found

mindspore.set_context(device_target="CPU")
print("product", product(6))
"""
# stack: program, the line of the breakpoint, what is seen there, what the program says in the end
PROGRAMS = [
    pytest.param("python", PYTHON, 3, {"width": "6", "height": "7", "found": "42"}, "area 42\n", id="python"),
    pytest.param("mindspore", MINDSPORE, 8, {"size": "6", "found": "216.0"}, "product 216.0\n", marks=pytest.mark.frameworks),
]


@pytest.mark.engine
@pytest.mark.parametrize(("stack", "program", "line", "seen", "says"), PROGRAMS)
def test_a_breakpoint_in_the_code_folder_is_hit_through_the_tunnel(
    stack: str,
    program: str,
    line: int,
    seen: dict[str, str],
    says: str,
    tmp_path: Path,
    composegen: Cli,
    engine: Engine,
    project: str,
    build_environment: dict[str, str],
) -> None:
    work = Work(tmp_path / "work", project, free_port(), composegen, engine)
    options = ["--device", "cpu", "--name", project, "--port", str(work.port), "--pip", DEBUGPY]
    composegen("init", stack, str(work.path), *options).ok()
    work("up", "--no-test", "--ssh-config", env=build_environment).ok()
    found = work("connect", "--json").ok().json
    assert (found["host"], found["port"], found["user"], found["project"]) == ("127.0.0.1", work.port, "root", THERE)
    assert_links_lead_to_it(found)

    code = work.path / "code"
    shown = work("connect", "--write-ide-config", "--dry-run").ok().stdout
    assert f'+    "python.defaultInterpreterPath": "{found["interpreter"]}",\n' in shown and not (code / ".vscode").exists()
    assert work("connect", "--write-ide-config", "--json").ok().json["files"] == dict.fromkeys(
        (".vscode/settings.json", f".run/{project}.run.xml"), "create"
    )
    assert "nothing to write" in work("connect", "--write-ide-config").ok().stdout
    (code / "program.py").write_text(program)
    started = time.monotonic()
    with running(work, found["interpreter"], f"{THERE}/program.py") as (port, process):
        with dap.connected(port) as debugger:
            (point,) = debugger.attach(code, THERE, {code / "program.py": [line]})
            assert point["verified"] and point["line"] == line
            stopped = debugger.event("stopped")
            took = time.monotonic() - started
            assert stopped["reason"] == "breakpoint"
            frame, *_ = debugger.ask("stackTrace", threadId=stopped["threadId"])["stackFrames"]
            # Told by its path on this host, which is what an editor opens.
            assert (frame["source"]["path"], frame["line"]) == (str(code / "program.py"), line)
            assert seen.items() <= debugger.variables(frame).items()
            debugger.ask("continue", threadId=stopped["threadId"])
            debugger.event("terminated")
        # ssh ends when the program has, and nobody is in the forward any more.
        assert (process.communicate(timeout=60)[0], process.returncode) == (says, 0)
    print(f"\n{found['framework'] or stack}: Python {found['python']}, {DEBUGPY}: breakpoint hit {took:.1f} s after ssh, {seen}")


@contextmanager
def running(work: Work, interpreter: str, program: str) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """The program started under debugpy by the alias, waiting for a debugger behind a port of this host."""
    port = free_port()
    forward = f"127.0.0.1:{port}:127.0.0.1:{PLACE}"
    command = f"{interpreter} -Xfrozen_modules=off -m debugpy --listen 127.0.0.1:{PLACE} --wait-for-client {program}"
    argv = ["ssh", "-F", str(work.cli.home / ".ssh/config"), "-L", forward, f"composegen-{work.project}", command]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        yield port, process
    finally:
        process.kill()
        process.wait()


def assert_links_lead_to_it(found: dict[str, object]) -> None:
    """Every link is read back to the host, port, user and path that `connect --json` says, or to the alias that stands for them."""
    links, alias, project = found["links"], found["alias"], found["project"]
    assert isinstance(links, dict)
    assert links.keys() == {"toolbox", "gateway", "vscode", "vscode-insiders", "cursor", "windsurf", "zed"}
    toolbox = parse_qs(urlsplit(links.pop("toolbox")).query, strict_parsing=True)
    assert (toolbox["h"], toolbox["projectHint"]) == ([alias], [project])
    gateway = parse_qs(urlsplit(links.pop("gateway")).fragment, strict_parsing=True)
    told = [gateway[name] for name in ("host", "port", "user", "projectPath")]
    assert told == [[str(found[name])] for name in ("host", "port", "user", "project")]
    for link in links.values():
        host, slash, path = urlsplit(link).path.removeprefix("/").removeprefix("ssh-remote+").partition("/")
        assert (host, unquote(slash + path)) == (alias, project)
