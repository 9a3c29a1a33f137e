"""Many logins, at once and one after the other, and many refused ones. CI takes a few; docs/evidence.md has those of `-m load`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from composegen.model import Choices
from tests.support.box import Box, make_box
from tests.support.engine import Engine, free_port, tear_down, unique_name

pytestmark = pytest.mark.engine

# Resident set sizes. Proportional ones would fall while another container of the same image runs, and rise when it goes.
MEMORY = (
    """for pid in $(pgrep ^sshd); do sed -n 's/^Rss: *//p' /proc/$pid/smaps_rollup; done | awk '{ all += $1 } END { print all }'"""
)
TOLERANCE = 1.25  # what sshd itself keeps after its first logins
MOST_AT_ONCE = pytest.mark.parametrize(
    ("sequential", "at_once"), [(50, 20), pytest.param(1000, 100, marks=pytest.mark.load)], ids=["50+20", "1000+100"]
)


@pytest.fixture(scope="module")
def made(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    name = unique_name()
    path = tmp_path_factory.mktemp("load") / name
    box = make_box(engine, path, name, free_port(), Choices("python", "cpu"), base=base_image, SSH_AUTHORIZED_KEYS="own")
    try:
        yield box.up()
    finally:
        tear_down(engine, name)


def memory(made: Box) -> int:
    """KiB of all sshd processes, once no session is left."""
    deadline = time.monotonic() + 30
    while made.inside("bash", "-c", "pgrep -c ^sshd") != "1":
        assert time.monotonic() < deadline, made.inside("ps", "-ef")
        time.sleep(0.2)
    return int(made.inside("bash", "-c", MEMORY))


@MOST_AT_ONCE
def test_no_login_is_refused_and_memory_comes_back(made: Box, sequential: int, at_once: int) -> None:
    assert made.ssh("true").returncode == 0
    before = memory(made)
    began = time.monotonic()
    refused = sum(made.ssh("true").returncode != 0 for _ in range(sequential))
    took = time.monotonic() - began
    with ThreadPoolExecutor(at_once) as pool:
        together = list(pool.map(lambda _: made.ssh("sleep 1; echo in").stdout, range(at_once)))
    after = memory(made)
    print(f"{sequential} logins in {took:.0f} s, {at_once} at once; sshd: {before} KiB before, {after} KiB after")
    assert refused == 0
    assert together == ["in\n"] * at_once
    assert after <= before * TOLERANCE


def test_twenty_wrong_credentials_do_not_lock_out_the_right_one(made: Box) -> None:
    wrong = made.path.parent / "wrong"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(wrong)], check=True)
    for number in range(20):
        user = "root" if number % 2 else "nobody-here"
        argv = [*made.client("-oBatchMode=yes", f"-i{wrong}"), f"{user}@127.0.0.1", "true"]
        assert "Permission denied" in subprocess.run(argv, capture_output=True, text=True).stderr
    assert made.ssh("echo in").stdout == "in\n"
