"""`--gpus`: Docker's grammar, held against the `docker` command itself; and which cards of this host are taken."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from composegen.errors import UsageError
from composegen.host.nvidia import Card, Cards, Process
from composegen.init import cards
from composegen.init.gpus import Asked, parse
from tests.init.conftest import Said
from tests.support.engine import Engine, unique_name

Run = Callable[..., Said]

ALL, NONE = Asked(ids=("all",)), Asked()
UUID = "GPU-18a3e86f-4c0e-cd9f-59c3-55488c4b0c24"
MIG = "MIG-c7384736-a75d-5afc-978f-d2f1294409fd"


@dataclass(frozen=True)
class Value:
    """One value of --gpus. `ours`: what it means, or words of the refusal; `because`: why that is not what Docker does."""

    text: str
    docker: bool  # whether its command line takes it
    ours: Asked | str
    because: str = ""


OURS = "ids need no device= here"
NOT_HERE = "there is another way to say it, which the refusal names"
UNCLEAR = "Docker takes the last number, which nobody can mean"
ENGINE = "Docker's engine refuses it when the container starts"

VALUES = (
    Value("all", True, ALL),
    Value("1", True, Asked(1)),
    Value("3", True, Asked(3)),
    Value("+2", True, Asked(2)),
    Value("007", True, Asked(7)),
    Value("-1", True, ALL),
    Value("count=all", True, ALL),
    Value("count=2", True, Asked(2)),
    Value('"count=2"', True, Asked(2)),
    Value('"2"', True, Asked(2)),
    Value('"all"', True, ALL),
    Value("device=0", True, Asked(ids=("0",))),
    Value("device=all", True, ALL),
    Value(f"device={UUID}", True, Asked(ids=(UUID,))),
    Value("device=0:1", True, Asked(ids=("0:1",))),
    Value('"device=0,1"', True, Asked(ids=("0", "1"))),
    Value(f'"device={MIG},{UUID}"', True, Asked(ids=(MIG, UUID))),
    Value("", False, "is not a GPU"),
    Value("some", False, "is not a GPU"),
    Value("ALL", False, "is not a GPU"),
    Value(" 1", False, "is not a GPU"),
    Value("1.5", False, "is not a number of GPUs"),
    Value("1,", False, "is not a GPU"),
    Value("count=", False, "is not a number of GPUs"),
    Value("count=two", False, "is not a number of GPUs"),
    Value("foo=1", False, "unknown key 'foo'"),
    Value("all,all", False, "is not a GPU"),
    Value("1,1", False, "twice"),
    Value("device=0,device=1", False, "says device twice"),
    Value('device="0,1"', False, "quotes go around the whole"),
    Value('"device=0,1', False, "quotes go around the whole"),
    Value('"1"2', False, "quotes go around the whole"),
    Value("'device=0'", False, "unknown key"),
    Value("99999999999999999999", False, "is not a number of GPUs"),
    Value("none", False, NONE, "no GPU is a wish of its own"),
    Value(UUID, False, Asked(ids=(UUID,)), OURS),
    Value(MIG, False, Asked(ids=(MIG,)), OURS),
    Value("0:0,0:1", False, Asked(ids=("0:0", "0:1")), OURS),
    Value("0,1", True, Asked(ids=("0", "1")), f"{OURS}; {UNCLEAR}"),
    Value("device=0,1", True, Asked(ids=("0", "1")), ENGINE),
    Value("0", True, "`--gpus none` or `--gpus device=0`", "Docker gives no GPU, and many mean GPU number 0"),
    Value("all,1", True, "is not a GPU", UNCLEAR),
    Value("-2", True, "is not a number of GPUs", "Docker gives all of them"),
    Value("1000", True, "is not a number of GPUs", "no machine has so many"),
    Value("2,device=0", True, "both how many and which", ENGINE),
    Value("count=2,device=0", True, "both how many and which", ENGINE),
    Value("device=", True, "is not a GPU", ENGINE),
    Value("device=x", True, "is not a GPU", ENGINE),
    Value("driver=nvidia", True, "--gpu-mode says", NOT_HERE),
    Value("driver=cdi,device=nvidia.com/gpu=0", True, "--gpu-mode says", NOT_HERE),
    Value("all,capabilities=utility", True, "would take CUDA away", NOT_HERE),
    Value('"capabilities=compute,utility",count=1', True, "would take CUDA away", NOT_HERE),
    Value("all,options=a=b", True, "leave it out", NOT_HERE),
)
by_text = pytest.mark.parametrize("value", VALUES, ids=lambda value: value.text or "empty")


@by_text
def test_what_a_value_means(value: Value) -> None:
    if isinstance(value.ours, Asked):
        assert parse(value.text) == value.ours
        return
    with pytest.raises(UsageError) as refused:
        parse(value.text)
    assert value.ours in f"{refused.value.message}\n{refused.value.hint}"


@pytest.mark.engine
@by_text
def test_docker_says_the_same_where_it_is_not_said_why_not(value: Value, engine: Engine, base_image: str) -> None:
    # Without an image the command line is all that is looked at, and flags come first.
    said = engine.run("create", "--gpus", value.text).stderr
    assert ("requires at least 1 argument" in said) == value.docker and ('for "--gpus" flag' in said) != value.docker, said
    meant = isinstance(value.ours, Asked)
    assert bool(value.because) or meant == value.docker
    if meant and value.docker and not value.because:
        name = unique_name()
        try:
            engine("create", "--name", name, "--gpus", value.text, base_image, "true")
            (request,) = json.loads(engine("inspect", "--format", "{{json .HostConfig.DeviceRequests}}", name))
        finally:
            engine.run("rm", name)
        ids = tuple(request["DeviceIDs"] or ())
        assert value.ours == (ALL if request["Count"] == -1 or ids == ("all",) else Asked(request["Count"], ids))


def card(index: int, used: int = 300, *users: str) -> Card:
    processes = tuple(Process(100 + at, user, used) for at, user in enumerate(users))
    return Card(str(index), f"GPU-{index:08}-aaaa", "NVIDIA H100", 81559, used, "9.0", processes)


BUSY = card(0, 67710, "anna")
FREE = card(1)
VGPU = Card("0", "GPU-0", "NVIDIA A16-2Q")  # without memory


@dataclass(frozen=True)
class Taking:
    count: int
    there: Cards
    ids: str
    notes: tuple[str, ...] = ()


UNTOLD = "which GPUs are free cannot be told"
ALL_THE_SAME = "and taken all the same: not so many others are free"
TAKINGS = {
    "free": Taking(1, Cards((card(0), card(1, 67710, "anna"))), "0"),
    "busy first": Taking(1, Cards((BUSY, FREE)), "1", ("GPU 0 is busy (anna, 71 GB), taking 1",)),
    "whose is hidden": Taking(
        2, Cards((card(0), card(1, 67710), card(2))), "0,2", ("GPU 1 is busy (somebody, 71 GB), taking 0,2",)
    ),
    "no other": Taking(
        1, Cards((card(0, 500, "anna", "", "anna"),)), "0", (f"GPU 0 is busy (anna, somebody, 1 GB), {ALL_THE_SAME}",)
    ),
    "least used": Taking(
        1,
        Cards((card(0, 9000, "anna"), card(1, 3000, "bob"))),
        "1",
        ("GPU 0 is busy (anna, 9 GB), taking 1", f"GPU 1 is busy (bob, 3 GB), {ALL_THE_SAME}"),
    ),
    "hanging": Taking(
        2,
        Cards(trouble="nvidia-smi did not answer within 3 s"),
        "0,1",
        (f"{UNTOLD} (nvidia-smi did not answer within 3 s), taking 0,1",),
    ),
    "MIG": Taking(
        1,
        Cards((FREE,), mig=(MIG,)),
        "0",
        (f"{UNTOLD} (MIG divides them; `nvidia-smi -L` lists the parts, and --gpus takes their ids), taking 0",),
    ),
    "vGPU": Taking(1, Cards((VGPU,)), "0", (f"{UNTOLD} (nvidia-smi does not tell the memory of GPU 0, as with a vGPU), taking 0",)),
}


@pytest.mark.parametrize("name", TAKINGS)
def test_free_cards_are_taken_and_the_busy_ones_named(name: str) -> None:
    taking = TAKINGS[name]
    assert cards.take(taking.count, taking.there) == (tuple(taking.ids.split(",")), list(taking.notes))


def test_more_cards_than_there_are() -> None:
    with pytest.raises(UsageError, match="--gpus 4 is more than there are: this host has 2"):
        cards.take(4, Cards((BUSY, FREE)))


HOST = Cards((BUSY, FREE), mig=(MIG,))


@pytest.mark.parametrize("name", ["0", "1:0", "GPU-00000001-aaaa", "GPU-00000001-AAAA", MIG])
def test_a_card_that_is_there(name: str) -> None:
    cards.refuse_absent((name,), HOST)


@pytest.mark.parametrize("name", ["2", "7:0", "GPU-ffff", "MIG-gone"])
def test_a_card_that_is_gone(name: str) -> None:
    with pytest.raises(UsageError, match=f"this host has no GPU {name}"):
        cards.refuse_absent(("0", name), HOST)
    cards.refuse_absent((name,), Cards(trouble="no answer"))


@pytest.fixture
def smi(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts an nvidia-smi with that body first on the PATH; the file it returns is there once it was asked."""

    def make(body: str) -> Path:
        program, asked = tmp_path / "bin/nvidia-smi", tmp_path / "asked"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\ntouch {asked}\n{body}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        return asked

    return make


TWO_CARDS = """case $1 in
--query-gpu*)
    echo '0, GPU-00000000-aaaa, NVIDIA H100, 81559, 67710, 9.0'
    echo '1, GPU-00000001-aaaa, NVIDIA H100, 81559, 4, 9.0' ;;
--query-compute*) echo "GPU-00000000-aaaa, $$, 67700" ;;
esac"""


def test_a_busy_card_is_passed_over(composegen: Run, here: Path, smi: Callable[[str], Path]) -> None:
    smi(TWO_CARDS)
    made = composegen("init", "mindspore", "--gpus", "1").ok()
    assert re.search(r"note: GPU 0 is busy \(\w+, 71 GB\), taking 1\n", made.stdout)
    assert "\nGPUS=1\n" in (here / "mindspore/.env").read_text()


@pytest.mark.parametrize("asked", ["3", "device=5"])
def test_cards_that_are_not_there_are_refused(refused: Run, smi: Callable[[str], Path], asked: str) -> None:
    smi(TWO_CARDS)
    refused("init", "mindspore", "--gpus", asked, says="this host has")


def test_garbage_falls_back_to_the_first_ones(composegen: Run, smi: Callable[[str], Path]) -> None:
    smi("echo segfault at 0x0")
    made = composegen("init", "mindspore", "--gpus", "2").ok()
    assert "cannot be told (nvidia-smi lists no card; it says: segfault at 0x0), taking 0,1" in made.stdout


@pytest.mark.parametrize("asked", [("--gpus", "all"), ("--gpus", "none"), ()])
def test_nobody_asks_nvidia_smi_where_nothing_hangs_on_it(
    composegen: Run, smi: Callable[[str], Path], asked: tuple[str, ...]
) -> None:
    noted = smi(TWO_CARDS)
    composegen("init", "mindspore", *asked).ok()
    assert not noted.exists()
