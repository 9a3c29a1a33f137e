"""`composegen test --only ide` on real containers, each broken in exactly one way and mended again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from composegen import smoke
from composegen.engine.docker import HOST_KEY
from composegen.model import Choices, Finding
from composegen.ssh import Address, OneHostKey
from tests.support.box import Box, make_box
from tests.support.engine import Engine, free_port, tear_down, unique_name

pytestmark = pytest.mark.engine

USER = {"SSH_AUTHORIZED_KEYS": "own", "SSH_USER": "alice", "USER_UID": "51234", "USER_GID": "51234"}
LIBSTDCXX = "/usr/lib/*/libstdc++.so.6*"
MUSL = r"""printf '#!/bin/sh\necho "musl libc (x86_64)\nVersion 1.2.5" >&2\n' >/usr/local/bin/ldd && chmod 755 /usr/local/bin/ldd"""
# Takes every inotify instance that its user may have, and keeps them.
HOLD = """
import ctypes, time
while ctypes.CDLL(None).inotify_init1(0) >= 0: pass
print(flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def box(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("ready") / unique_name()
    made = make_box(engine, folder, folder.name, free_port(), Choices("python", "cpu"), base=base_image, **USER)
    try:
        yield made.up()
    finally:
        tear_down(engine, made.name)


@dataclass(frozen=True)
class Inside:
    """The engine's way into the box."""

    box: Box

    def inside(self, command: Sequence[str], *, stdin: str = "") -> str:
        return self.box.inside(*command)


def findings(box: Box, *, user: str = "alice", only: str = "ide") -> dict[str, Finding]:
    kind, key, *_ = box.inside("cat", HOST_KEY).split()
    target = smoke.Target(
        Address("127.0.0.1", box.port, user), box.key, OneHostKey(f"{kind} {key}"), host_key=f"{kind} {key}", door=Inside(box)
    )
    return {finding.name: finding for finding in smoke.run(target, only=[only]).findings}


@pytest.mark.parametrize(
    ("user", "watched"), [("alice", "no Python here, or no right, to try a watch"), ("root", "a change in /home/code is reported")]
)
def test_a_container_as_it_is_made_is_ready_for_ides(box: Box, user: str, watched: str) -> None:
    """The code folder is root's here, and alice may write nothing in it."""
    found = findings(box, user=user)
    assert {name: finding.detail for name, finding in found.items() if finding.outcome != "ok"} == {}
    assert found["ide-libc"].hint == found["ide-tools"].hint == ""
    assert found["ide-watches"].detail.startswith(watched)


@pytest.mark.parametrize(
    ("name", "harm", "mend", "detail"),
    [
        (
            "ide-libc",
            f"mkdir /aside && mv {LIBSTDCXX} /aside && ldconfig",
            "mv /aside/* $(dirname /usr/lib/*/libc.so.6) && ldconfig && rmdir /aside",
            "no libstdc++: good for current versions of JetBrains IDEs and Zed, none of VS Code",
        ),
        (
            "ide-libc",
            MUSL,
            "rm /usr/local/bin/ldd",
            "musl 1.2.5, ",
        ),
        ("ide-tools", "mv /usr/bin/pgrep /pgrep", "mv /pgrep /usr/bin/pgrep", "IDEs call what is not there: pgrep"),
        (
            "ide-shell",
            "echo 'echo welcome' >/etc/profile.d/motd.sh",
            "rm /etc/profile.d/motd.sh",
            "prints 'welcome' first; at fault is /etc/profile.d/motd.sh",
        ),
        (
            "ide-shell",
            "echo 'read -r answer' >/home/alice/.profile",
            "rm /home/alice/.profile",
            "read from standard input, which is the IDE's; at fault is /home/alice/.profile",
        ),
        (
            "ide-shell",
            "cp /home/alice/.bashrc /aside && echo 'exec sh' >/home/alice/.bashrc",
            "mv /aside /home/alice/.bashrc",
            "at fault is /home/alice/.bashrc",
        ),
        ("ide-shell", "usermod -s /usr/sbin/nologin alice", "usermod -s /bin/bash alice", "runs nothing"),
    ],
)
def test_what_is_broken_is_found_and_named(box: Box, name: str, harm: str, mend: str, detail: str) -> None:
    box.inside("bash", "-c", harm)
    try:
        found = findings(box, only=name)[name]
    finally:
        box.inside("bash", "-c", mend)
    assert found.outcome == "fail"
    assert detail in found.detail
    assert found.hint
    assert findings(box, only=name)[name].outcome == "ok"


def test_limits_of_memory_and_cpu_are_those_that_the_container_has(box: Box, engine: Engine) -> None:
    update = partial(engine, "update", box.name)
    update("--memory", "700m", "--memory-swap", "700m", "--cpus", "1")
    tight = findings(box, only="ide-resources")["ide-resources"]
    update("--memory", "3g", "--memory-swap", "3g", "--cpus", "1")
    small = findings(box, only="ide-resources")["ide-resources"]
    assert (tight.outcome, tight.data["memory"], tight.data["cores"]) == ("fail", 0.734, 1)
    assert "too little memory for any IDE" in tight.detail and "VS Code: at least 1 GB of memory" in tight.hint
    assert (small.outcome, "JetBrains IDEs: at least 4 GB of memory" in small.hint) == ("ok", True)


def test_a_user_whose_watches_are_used_up_is_told(box: Box) -> None:
    """In another container of the same uid, say; this uid is nobody else's on this host."""
    script = f"ulimit -n 65536; coproc python3 -c '{HOLD}'; read -r <&${{COPROC[0]}}; disown; echo $COPROC_PID"
    pid = box.inside("runuser", "-u", "alice", "--", "bash", "-c", script)
    try:
        found = findings(box, only="ide-watches")["ide-watches"]
    finally:
        box.inside("kill", pid)
    assert found.outcome == "fail"
    assert found.detail.startswith("no inotify instance can be had: Too many open files")
    assert "max_user_instances=1024" in found.hint
