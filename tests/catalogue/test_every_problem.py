"""What is wrong with catalogue files is said at once: of every file, whatever its kind, one line each with file, line and path."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from composegen import catalogue
from composegen.errors import CatalogueError
from tests.catalogue.test_catalogue import GOOD

LINE = re.compile(r"(?P<file>\S+\.yaml)(?: is not YAML:)? line (?P<line>\d+)(?:: (?P<path>[\w.-]+): |, column \d+ )\S.*")

# Two families, so that what is wrong with one can be told from what is wrong with the other.
WRONG = """\
name: abacus
title: Abacus
colour: red
contracts:
  old:
    os: debian99
  new:
    os: 12
    shel: bash
  good:
    os: debian12
variants:
  - device: gpu
    contract: good
    image: Not/An Image
    check: {code: print(1), expect: "1"}
    source: somewhere
    shm: 8
    releases:
      - {version: 1.3.0, default: true}
      - {version: "1;2", cuda: [99.9]}
      - {version: 1.1.0, default: true, contract: bad}
  - device: toaster
    contract: good
    image: "abacus:{version}"
    check: {code: print(1)}
    releases:
      - {version: 1.3.0}
      - {version: 1.2.0, tag: 7}
      - none
  - device: cpu
    contract: good
    image: "abacus:{tag}"
    check: {code: print(1), expect: " "}
    source: somewhere
    releases:
      - {version: 1.3.0, tag: good, default: true}
      - {version: 1.3.0, tag: good}
      - {version: 1.1.0, tag: b/a/d+}
"""


def said(text: str) -> list[str]:
    with pytest.raises(CatalogueError) as caught:
        catalogue.parse(text, file="abacus.yaml")
    return caught.value.message.splitlines()


def paths(lines: list[str]) -> list[str]:
    return [found["path"] for line in lines if (found := LINE.fullmatch(line))]


def test_a_mistake_of_shape_hides_none_of_meaning_and_no_part_hides_another() -> None:
    lines = said(WRONG)
    assert paths(lines) == [
        "colour",
        "contracts.old.os",
        "contracts.new.os",
        "contracts.new.shel",
        "variants.0.image",
        "variants.0.shm",
        "variants.0.releases.1.cuda.0",
        "variants.0.releases.1.version",
        "variants.0.releases.2.contract",
        "variants.0.releases.2.default",
        "variants.1.device",
        "variants.1.source",
        "variants.1.check.expect",
        "variants.1.releases.1.tag",
        "variants.1.releases.2",
        "variants.2.check",
        "variants.2.releases.1.version",
        "variants.2.releases.2.version",
    ], "\n".join(lines)


def test_each_line_leads_to_the_place_in_the_file() -> None:
    written = WRONG.splitlines()
    for line in said(WRONG):
        found = LINE.fullmatch(line)
        assert found and found["file"] == "abacus.yaml", line
        *_, last = (part for part in found["path"].split(".") if not part.isdigit())
        nearest = {"source": "toaster", "releases": "none", "expect": "check"}
        assert nearest.get(last, last) in written[int(found["line"]) - 1], line


def test_the_lines_are_in_the_files_order() -> None:
    numbers = [int(found["line"]) for line in said(WRONG) if (found := LINE.fullmatch(line))]
    assert numbers == sorted(numbers) and len(numbers) > 10


@pytest.mark.parametrize("line", WRONG.splitlines())
def test_one_line_less_is_one_mistake_less_or_more_but_never_a_traceback(line: str) -> None:
    text = WRONG.replace(f"{line}\n", "", 1)
    assert all(LINE.fullmatch(each) for each in said(text)), said(text)


ODD: list[object] = [None, 3, "x", [], {}, [3], {"x": 3}, [{}], {"x": {}}, [{"releases": [{}]}], [{"releases": 3}], {3: {}}]


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field in ("name", "title", "contracts", "variants", "misnamed", "unlisted") for value in ODD],
)
def test_any_value_in_place_of_any_part_is_explained_or_sound(field: str, value: object) -> None:
    text = yaml.safe_dump(yaml.safe_load(GOOD) | {field: value}, sort_keys=False)
    try:
        catalogue.parse(text, file="abacus.yaml")
    except CatalogueError as error:
        assert all(LINE.fullmatch(each) for each in error.message.splitlines()), error.message


def test_what_follows_from_a_mistake_is_not_said_again() -> None:
    """Nothing of a field that has no sound shape: neither that it is missing, nor that no default is left, nor a wrong image."""
    assert paths(said(GOOD.replace("default: true", "default: [1]"))) == ["variants.0.releases.0.default"]
    assert paths(said(GOOD.replace("device: cpu", "device: toaster"))) == ["variants.0.device"]
    assert paths(said(GOOD.replace("version: 1.3.0", "version: 1.3"))) == ["variants.0.releases.0.version"]
    assert paths(said(GOOD.replace("expect: abacus computes", "expect: []"))) == ["variants.0.check.expect"]
    assert paths(said(GOOD.replace("os: debian12", "os: [debian12]"))) == ["contracts.wheel.os"]


def test_what_a_whole_family_has_wrong_is_one_problem() -> None:
    assert paths(said(GOOD.replace("slim-bookworm", "slim+bookworm"))) == ["variants.0.image"]
    assert paths(said(GOOD.replace("{version: 1.2.1}", "{version: 1.2.1, image: 'a+b'}"))) == ["variants.0.releases.1.image"]


def test_a_file_that_says_no_variant_is_refused() -> None:
    assert paths(said(GOOD[: GOOD.index("variants:")] + "variants: []\n")) == ["variants"]
    assert paths(said(GOOD[: GOOD.index("    releases:")] + "    releases: []\n")) == ["variants.0.releases"]


def test_a_document_that_holds_itself_is_explained() -> None:
    assert paths(said("name: &a [*a]\ntitle: abacus\ncontracts: &b {x: *b}\nvariants: &c [{releases: *c}]\n"))[0] == "name"


# --- Several files ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A team's catalogue: one sound file, and three that are not."""
    monkeypatch.chdir(tmp_path)
    directory = tmp_path / "ours"
    directory.mkdir()
    (directory / "abacus.yaml").write_text(GOOD)
    (directory / "broken.yaml").write_text(GOOD.replace("    check:", "    check: ["))
    (directory / "colour.yaml").write_text(GOOD.replace("title:", "colour: red\ntitle:").replace("bookworm", "book+worm"))
    (directory / "latin.yaml").write_bytes(b"name: latin\ntitle: \xff\n")
    return Path("ours")


EVERY_FILE = ["ours/broken.yaml", "ours/colour.yaml", "ours/colour.yaml", "ours/colour.yaml", "ours/latin.yaml"]


def files_of(error: CatalogueError) -> list[str]:
    return [line.split(" ")[0] for line in error.message.splitlines()]


def test_every_problem_of_every_file_is_told_in_one_message(ours: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        catalogue.stacks((ours,))
    assert files_of(caught.value) == EVERY_FILE
    assert [LINE.fullmatch(line) is not None for line in caught.value.message.splitlines()] == [True] * 4 + [False]
    assert "ours/latin.yaml line 2: not UTF-8" in caught.value.message


def test_a_stack_whose_file_is_wrong_is_refused_with_the_problems_of_all_the_files_beside_it(ours: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        catalogue.stack("colour", (ours,))
    assert files_of(caught.value) == EVERY_FILE


def test_a_sound_stack_can_be_used_beside_a_broken_one(ours: Path) -> None:
    assert catalogue.stack("abacus", (ours,)).name == "abacus"
    assert catalogue.stack("python", (ours,)).name == "python"


def test_the_same_text_under_another_name_is_not_taken_from_the_cache(ours: Path) -> None:
    assert catalogue.stack("abacus", (ours,)).name == "abacus"
    (ours / "other.yaml").write_text(GOOD)
    with pytest.raises(CatalogueError, match=r"ours/other.yaml line 1: name: is 'abacus', and the file is called 'other.yaml'"):
        catalogue.stack("other", (ours,))
