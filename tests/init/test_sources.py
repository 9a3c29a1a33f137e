"""`--mirror` of `init` and `update`: what it sets, what it leaves alone, and what it says of the mirrors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from composegen.catalogue import mirrors
from tests.init.conftest import Said, tree
from tests.init.test_variants import variables

Run = Callable[..., Said]
FIELDS = ("BASE_IMAGE", "APT_MIRROR", "PIP_INDEX_URL", "FRAMEWORK_INDEX_URL")
CHINA = mirrors.mirror("cn")
INSTEAD = {"pytorch": "cpu", "mindspore": "gpu", "python": "cpu"}


def chosen(folder: Path) -> dict[str, str]:
    return {name: value for name, value in variables(folder).items() if name in FIELDS}


def set_by_hand(folder: Path, name: str, value: str) -> None:
    text = (folder / ".env").read_text()
    assert f"# {name}=\n" in text
    (folder / ".env").write_text(text.replace(f"# {name}=\n", f"{name}={value}\n"))


@pytest.mark.parametrize(("stack", "device"), INSTEAD.items())
def test_update_sets_what_init_sets(composegen: Run, here: Path, stack: str, device: str) -> None:
    composegen("init", stack, "at-once", "--device", device, "--mirror", "cn").ok()
    composegen("init", stack, "later", "--device", device).ok()
    assert not chosen(here / "later")
    tracked = {path: text for path, text in tree(here / "later").items() if path != ".env"}
    composegen("update", "later", "--mirror", "cn").ok()
    assert chosen(here / "later") == chosen(here / "at-once") != {}
    assert {path: text for path, text in tree(here / "later").items() if path != ".env"} == tracked
    composegen("update", "later", "--mirror", "none").ok()
    assert not chosen(here / "later")


def test_a_mirror_is_taken_together_with_a_move(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w").ok()
    composegen("update", "w", "--version", "2.2.14", "--mirror", "cn").ok()
    assert chosen(here / "w")["BASE_IMAGE"].endswith("mindspore-gpu-cuda11.6:2.2.14")


def test_a_dry_run_shows_the_mirror_and_sets_none(composegen: Run, here: Path) -> None:
    composegen("init", "python", "w").ok()
    assert f"+APT_MIRROR={CHINA.apt.url}" in composegen("update", "w", "--mirror", "cn", "--dry-run").ok().stdout
    assert not chosen(here / "w")


def test_a_clone_without_env_gets_one_with_the_mirror_and_no_other_update_makes_one(composegen: Run, here: Path) -> None:
    composegen("init", "python", "w").ok()
    (here / "w/.env").unlink()
    composegen("update", "w").ok()
    assert not (here / "w/.env").exists()
    composegen("update", "w", "--mirror", "cn").ok()
    assert chosen(here / "w")["APT_MIRROR"] == CHINA.apt.url
    assert (here / "w/.env").stat().st_mode & 0o777 == 0o600
    assert "ssh-ed25519" in variables(here / "w")["SSH_AUTHORIZED_KEYS"]


@pytest.mark.parametrize("command", [("update", "w"), ("init", "pytorch", "w")], ids=["update", "init"])
@pytest.mark.parametrize("name", ["cn", "none"])
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BASE_IMAGE", "registry.team.example/python:3.11"),
        ("PIP_INDEX_URL", "https://pypi.team.example/simple"),
        ("APT_MIRROR", "http://apt.team.example"),
        ("FRAMEWORK_INDEX_URL", "https://download.pytorch.org/whl/nightly/cpu"),
    ],
)
def test_what_somebody_set_stays_and_that_is_said(
    composegen: Run, here: Path, command: tuple[str, ...], name: str, variable: str, value: str
) -> None:
    composegen("init", "pytorch", "w", "--device", "cpu").ok()
    set_by_hand(here / "w", variable, value)
    notes = composegen(*command, "--mirror", name, "--json").ok().json["notes"]
    assert chosen(here / "w")[variable] == value
    assert set(chosen(here / "w")) == (set(FIELDS) if name == "cn" else {variable})
    assert [note for note in notes if "stayed as somebody set it" in note] == [
        f"{variable} of .env stayed as somebody set it; remove it there, and --mirror {name} decides"
    ]


def test_what_a_mirror_set_is_nobodys_own(composegen: Run, here: Path) -> None:
    composegen("init", "pytorch", "w", "--device", "cpu", "--mirror", "cn").ok()
    before = chosen(here / "w")
    for words in (["--mirror", "cn"], ["--version", "2.6", "--mirror", "cn"], ["--device", "gpu", "--mirror", "cn"]):
        notes = composegen("update", "w", *words, "--json").ok().json["notes"]
        assert not any("stayed" in note for note in notes), words
    assert chosen(here / "w")["BASE_IMAGE"] != before["BASE_IMAGE"]
    composegen("update", "w", "--mirror", "none").ok()
    assert not chosen(here / "w")


def test_an_unknown_mirror_is_refused_by_update_as_well(composegen: Run, here: Path, refused: Run) -> None:
    composegen("init", "python", "w").ok()
    before = tree(here)
    said = composegen("update", "w", "--mirror", "china")
    assert said.code == 2 and "no mirror named 'china'" in said.stderr and "hint:" in said.stderr
    assert tree(here) == before


# --- What is said of mirrors -----------------------------------------------------------------------------------------------


def carried(notes: list[str]) -> list[str]:
    return [note for note in notes if "carries" in note]


def unsure(notes: list[str]) -> list[str]:
    return [note for note in notes if "less than high confidence" in note]


def test_an_image_that_no_mirror_carries_is_said_once(composegen: Run) -> None:
    words = ("init", "python", "w", "--base", "registry.team.example/python:1", "--mirror", "cn", "--json")
    assert carried(composegen(*words).ok().json["notes"]) == [
        "no registry of the mirrors 'cn' carries registry.team.example/python:1: it comes from registry.team.example as before"
    ]


@pytest.mark.parametrize(
    "words", [("python",), ("mindspore", "--device", "npu"), ("python", "--base", "m.daocloud.io/docker.io/library/python:3.11")]
)
def test_an_image_that_is_carried_or_in_the_region_already_needs_no_word(composegen: Run, words: tuple[str, ...]) -> None:
    notes = composegen("init", words[0], "w", *words[1:], "--mirror", "cn", "--json").ok().json["notes"]
    assert not carried(notes)


def test_a_move_to_an_image_that_the_mirrors_in_use_lack_is_said(composegen: Run, here: Path) -> None:
    composegen("init", "python", "w", "--mirror", "cn").ok()
    notes = composegen("init", "python", "w", "--base", "registry.team.example/python:1", "--json").ok().json["notes"]
    assert len(carried(notes)) == 1 and "BASE_IMAGE" not in chosen(here / "w")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("mindspore",), ["MindSpore at Huawei SWR (medium"]),
        (("pytorch", "--device", "cpu"), ["https://mirrors.nju.edu.cn/pytorch/whl (medium"]),
        (("python",), []),
        (("cuda",), []),
    ],
)
def test_a_mirror_of_which_the_catalogue_is_unsure_is_said_once_with_its_source(
    composegen: Run, words: tuple[str, ...], named: list[str]
) -> None:
    notes = composegen("init", words[0], "w", *words[1:], "--mirror", "cn", "--json").ok().json["notes"]
    assert len(unsure(notes)) == len(named)
    assert all(name in note and "known from: " in note for name, note in zip(named, unsure(notes), strict=True))


def test_no_mirror_is_spoken_of_where_none_is_used(composegen: Run, here: Path) -> None:
    notes = composegen("init", "mindspore", "w", "--json").ok().json["notes"]
    assert not carried(notes) and not unsure(notes)
    set_by_hand(here / "w", "BASE_IMAGE", "team.example/mindspore:1")
    notes = composegen("update", "w", "--mirror", "cn", "--json").ok().json["notes"]
    assert not carried(notes) and not unsure(notes), "the image comes from somewhere else"
