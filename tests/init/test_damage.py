"""A folder that was damaged: composegen's own records are mended by a plain update, a compose.yaml that is not YAML is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from composegen.errors import FolderError
from composegen.folder import recorded_variant
from tests.init.conftest import Said, tree

Run = Callable[..., Said]

VARIANT, GENERATED = ".composegen/variant.json", ".composegen/generated.json"


@pytest.fixture
def work(composegen: Run, here: Path) -> Path:
    composegen("init", "python", "work").ok()
    return here / "work"


def changed(**fields: object) -> Callable[[bytes], bytes]:
    return lambda content: json.dumps(json.loads(content) | fields).encode()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut off": lambda content: content[: len(content) // 2],
    "not UTF-8": lambda content: b"\xff\xfe" + content,
    "a merge's markers": lambda content: b"<<<<<<< HEAD\n" + content + b">>>>>>> theirs\n",
    "too deep": lambda content: b"[" * 100_000,
    "another kind of document": lambda content: b"[]\n",
}
NONSENSE: dict[str, Callable[[bytes], bytes]] = {
    "an unknown field": changed(colour="red"),
    "a check of another kind": changed(check="print(1)"),
    "a check of numbers": changed(check={"code": 1, "expect": 2}),
    "a contract of another kind": changed(contract=[]),
    "a list for a text": changed(image=["x"]),
    "a text for a list": changed(apt="vim"),
    "numbers in a list": changed(notes=[1]),
}


@pytest.mark.parametrize("damage", [*DAMAGE.values(), *NONSENSE.values()], ids=[*DAMAGE, *NONSENSE])
def test_a_damaged_variant_is_no_edit_it_is_named_and_update_mends_it(
    composegen: Run, work: Path, damage: Callable[[bytes], bytes]
) -> None:
    before = tree(work)
    (work / VARIANT).write_bytes(damage((work / VARIANT).read_bytes()))
    with pytest.raises(FolderError, match=r"work/.composegen/variant.json' is damaged") as caught:
        recorded_variant(work)
    assert caught.value.hint and "composegen update" in caught.value.hint
    assert composegen("check", "work").code == 1
    said = composegen("update", "work").ok()
    assert f"updated work/{VARIANT}" in said.stdout and "kept your edits" not in said.stdout
    assert tree(work) == before


def test_a_harmless_change_of_the_variant_is_mended_as_well(composegen: Run, work: Path) -> None:
    before = tree(work)
    (work / VARIANT).write_bytes(changed(size="9 GB")((work / VARIANT).read_bytes()))
    composegen("update", "work").ok()
    assert tree(work) == before


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_record_of_what_was_generated_is_mended_where_nothing_was_edited(
    composegen: Run, work: Path, damage: Callable[[bytes], bytes]
) -> None:
    before = tree(work)
    (work / GENERATED).write_bytes(damage((work / GENERATED).read_bytes()))
    assert composegen("check", "work").code == 1
    composegen("update", "work").ok()
    assert tree(work) == before


def test_edits_outlive_a_damaged_record_and_the_new_text_comes_beside_them(composegen: Run, work: Path) -> None:
    edited = (work / "Dockerfile").read_text() + "RUN true\n"
    (work / "Dockerfile").write_text(edited)
    (work / GENERATED).write_text("{")
    said = composegen("update", "work")
    assert said.code == 1 and "what was generated last is not known" in said.stderr
    assert (work / "Dockerfile").read_text() == edited and (work / "Dockerfile.new").exists()


# --- A compose file that is not YAML ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["compose.yaml", "compose.nogpu.yaml"])
@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("volumes: [\n", ""),
        ("volumes:\n\tcache:\n", ""),
        ("services: {}\nservices: {}\n", "duplicate key"),
        ("volumes: \x07\n", "does not allow"),
        ("volumes: *nothing\n", "undefined alias"),
    ],
)
def test_a_compose_file_that_is_not_yaml_is_refused_with_its_line(
    composegen: Run, here: Path, file: str, broken: str, says: str
) -> None:
    composegen("init", "mindspore", "work").ok()
    text = (here / "work" / file).read_text()
    lines = text.count("\n") + 1
    (here / "work" / file).write_text(f"{text}x-mine:\n{broken}")
    before = tree(here)
    for command in (["update", "work"], ["update", "work", "--dry-run"], ["init", "mindspore", "work"]):
        said = composegen(*command)
        assert said.code == 1 and f"error: work/{file} is not YAML: line " in said.stderr and says in said.stderr
        assert lines <= int(said.stderr.split(" line ")[1].split()[0].strip(",")) <= lines + 3
        assert "hint: mend that line" in said.stderr and tree(here) == before
    checked = composegen("check", "work")
    assert checked.code == 1 and f"work/{file} is not YAML: line " in checked.stdout and "+x-mine:" in checked.stdout
    assert tree(here) == before


def test_a_broken_compose_file_is_refused_where_the_template_moved_on_as_well(composegen: Run, here: Path) -> None:
    composegen("init", "python", "work").ok()
    with (here / "work/compose.yaml").open("a") as file:
        file.write("x-mine: [\n")
    before = tree(here)
    said = composegen("update", "work", "--version", "3.12")
    assert said.code == 1 and "work/compose.yaml is not YAML: line " in said.stderr and tree(here) == before


@pytest.mark.parametrize("move", [[], ["--version", "3.12"]], ids=["stay", "move"])
def test_a_reset_mends_it_and_keeps_the_text_beside(composegen: Run, here: Path, move: list[str]) -> None:
    composegen("init", "python", "work").ok()
    broken = (here / "work/compose.yaml").read_text() + "x-mine: [\n"
    (here / "work/compose.yaml").write_text(broken)
    composegen("update", "work", "--reset", *move).ok()
    composegen("check", "work").ok()
    assert (here / "work/compose.yaml.orig").read_text() == broken


def test_a_generated_text_that_is_not_yaml_costs_no_edit(composegen: Run, here: Path) -> None:
    composegen("init", "python", "work").ok()
    record = here / "work" / GENERATED
    loaded = json.loads(record.read_text())
    loaded["files"]["compose.yaml"] = ["x: [", ""]
    record.write_text(json.dumps(loaded))
    edited = (here / "work/compose.yaml").read_text() + "# mine\n"
    (here / "work/compose.yaml").write_text(edited)
    said = composegen("update", "work")
    assert said.code == 1 and "the generated compose.yaml is not YAML" in said.stderr and "compose.yaml.new" in said.stderr
    assert (here / "work/compose.yaml").read_text() == edited
