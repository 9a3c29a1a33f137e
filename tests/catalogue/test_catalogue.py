"""The catalogue's own files, and what is said of files that somebody else writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from composegen import catalogue
from composegen.errors import CatalogueError, UsageError
from composegen.model.record import record, variant_from
from composegen.model.selection import version_key

GOOD = (
    (Path(__file__).resolve().parents[2] / "docs/adding-a-stack.md")
    .read_text(encoding="utf-8")
    .split("```yaml\n")[1]
    .split("```")[0]
)


@pytest.mark.parametrize("name", catalogue.names())
def test_every_stack_is_complete(name: str) -> None:
    stack = catalogue.stack(name)
    assert stack.name == name
    for device in stack.devices:
        assert len([variant for variant in stack.variants if variant.device == device and variant.default]) == 1
    for variant in stack.variants:
        assert variant.check and variant.source and ":" in variant.image
        assert not variant.needs_gpu or (variant.cuda and variant.minimum_driver)
        assert variant.contract.openssh and variant.contract.glibc


@pytest.mark.parametrize("name", catalogue.names())
def test_what_is_kept_ready_made_means_what_the_file_says(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = catalogue.files()[name]
    catalogue.reading._read.cache_clear()
    fresh = catalogue.stack(name)
    catalogue.reading._read.cache_clear()
    assert catalogue.stack(name) == fresh == catalogue.parse(file.read_text(encoding="utf-8"), file=str(file))
    assert list((tmp_path / "composegen/catalogue").glob("*.json"))


@pytest.mark.parametrize("name", catalogue.names())
def test_a_folder_can_record_any_variant(name: str) -> None:
    for variant in catalogue.stack(name).variants:
        assert variant_from(json.loads(json.dumps(record(variant)))) == variant


@pytest.mark.parametrize("name", catalogue.names())
def test_releases_of_a_family_are_newest_first(name: str) -> None:
    stack = catalogue.stack(name)
    for variant in stack.variants:
        family = [each for each in stack.variants if (each.device, each.flavour) == (variant.device, variant.flavour)]
        versions = list(dict.fromkeys(each.version for each in family if each.cuda == variant.cuda))
        assert versions == sorted(versions, key=version_key, reverse=True)


def test_mindspore_is_the_image_of_the_article_and_the_wheel_for_cpu() -> None:
    stack = catalogue.stack("mindspore")
    assert stack.variant().image == "mindspore/mindspore-gpu-cuda11.6:2.0.0-alpha"
    cpu = stack.variant("cpu")
    assert (cpu.image, cpu.apt, cpu.pip) == ("python:3.11-slim-bookworm", ("libgomp1",), ("mindspore==2.10.0",))


def test_an_unknown_stack_names_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        catalogue.stack("mindspre")
    assert caught.value.hint and "did you mean 'mindspore'?" in caught.value.hint


def problems(text: str) -> str:
    with pytest.raises(CatalogueError) as caught:
        catalogue.parse(text, file="abacus.yaml")
    assert caught.value.hint
    return caught.value.message


def test_every_problem_of_a_catalogue_file_is_told_at_once_with_its_line_and_place() -> None:
    text = (
        GOOD.replace("device: cpu", "device: toaster").replace("title:", "colour: red\ntitle:").replace("    os: debian12", "    #")
    )
    said = problems(text).splitlines()
    assert len(said) == 3
    for place in ("colour", "contracts.wheel.os", "variants.0.device"):
        assert any(line.startswith("abacus.yaml line ") and f": {place}: " in line for line in said), (
            f"{place} is missing in {said}"
        )


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("    framework:", "    framewrok:", "variants.0.framewrok: is unknown; did you mean 'framework'?"),
        ("{version: 1.2.1}", "{version: 1.2.1, default: true}", "device 'cpu' has 2 defaults (1.3.0, 1.2.1)"),
        (", default: true", "", "device 'cpu' has no default"),
        ("{version: 1.2.1}", "{version: 1.3.0}", "two variants are called cpu 1.3.0"),
        ("slim-bookworm", "slim+bookworm", "is not the name of an image"),
        ("python:3.11-", "python:{verzion}-", "is not the name of an image"),
        ("contract: wheel", "contract: weel", "no contract named 'weel'"),
        ("os: debian12", "os: debian99", "no system named 'debian99'; known: "),
        ("    source: the", "    notes: [the", "is not YAML: line"),
        ("expect: abacus computes", 'expect: ""', "variants.0.check: would pass with any output"),
        ("version: 1.2.1", "version: '1.2;rm'", "is not a version"),
        ("title: Abacus, a", "title: |\n  x\n  y\n#", "title: is not one line of text"),
        ("version: 1.3.0", "version: 1.3", "Input should be a valid string"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(old: str, new: str, says: str) -> None:
    assert old in GOOD
    if says.startswith("is not YAML"):
        with pytest.raises(Exception, match=r"abacus.yaml is not YAML: line \d+"):
            catalogue.parse(GOOD.replace(old, new), file="abacus.yaml")
    else:
        assert says in problems(GOOD.replace(old, new))


def test_a_variant_without_check_or_source_is_refused() -> None:
    head, rest = GOOD.split("    check:\n")
    without = head + rest[rest.index("    confidence") :].replace(
        "    source: the wheel on PyPI, installed and checked on Debian 12\n", ""
    )
    said = problems(without)
    assert "variants.0.check: is missing" in said and "variants.0.source: is missing" in said


def test_a_teams_own_catalogue_is_read_whatever_its_line_ends(tmp_path: Path) -> None:
    (tmp_path / "abacus.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert catalogue.stack("abacus", (tmp_path,)).variant().pip == ("mpmath==1.3.0",)
    assert "mindspore" in catalogue.names((tmp_path,))


def test_a_catalogue_that_cannot_be_read_is_explained(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="is not a folder"):
        catalogue.names((tmp_path / "nowhere",))
    with pytest.raises(CatalogueError, match=r"has no \*.yaml file"):
        catalogue.names((tmp_path,))
    (tmp_path / "a.yaml").write_bytes(b"name: a\ntitle: \xff\n")
    with pytest.raises(CatalogueError, match=r"a\.yaml line 2: not UTF-8"):
        catalogue.stack("a", (tmp_path,))
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(CatalogueError, match=r"name: is 'abacus', and the file is called 'b\.yaml'"):
        catalogue.stack("b", (tmp_path,))
