"""A compose file merged key by key: what a user may do to it while the template changes under their feet."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from composegen.document.lines import Merged
from composegen.document.merge import merge as merge_document
from composegen.errors import ComposegenError

BASE = (Path(__file__).parents[2] / "stacks/mindspore/compose.yaml").read_text(encoding="utf-8")


def merge(base: str, ours: str, theirs: str) -> Merged:
    merged = merge_document("compose.yaml", base, ours, theirs)
    yaml.compose(merged.text)  # another reader than ours
    return merged


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


MINE = (
    ("    restart: unless-stopped\n", "    restart: always # mine\n"),
    ("        host_ip: ${SSH_BIND:-127.0.0.1}\n", "        host_ip: ${SSH_BIND:-127.0.0.1}\n      - '8888:8888' # Jupyter\n"),
    ("      USER_UID: ${USER_UID:-0}\n", "      # the team's\n      HF_HOME: /data/hf\n      USER_UID: ${USER_UID:-0}\n"),
    ("\nvolumes:\n", "  db:\n    # for the labels\n    image:   postgres:16\n\nvolumes:\n"),
)
THEIRS = (
    ("      interval: 10s\n", "      interval: 30s\n"),
    ("      - ide:/var/lib/ide\n", "      - ide:/var/lib/ide\n      # Packages of every build.\n      - cache:/var/cache/pip\n"),
    ("\nvolumes:\n  host_keys:\n  ide:\n", "\nvolumes:\n  host_keys:\n  ide:\n  # Can be removed at any time.\n  cache:\n"),
    (
        "      # sshd must say its banner: a container runs on when sshd cannot start.\n",
        "      # The banner of sshd is what an IDE waits for.\n",
    ),
)


def test_the_users_edits_and_the_templates_changes_both_survive() -> None:
    assert merge(BASE, changed(BASE, *MINE), changed(BASE, *THEIRS)) == Merged(changed(BASE, *MINE, *THEIRS[1:], THEIRS[0]))


def test_they_survive_where_lines_alone_would_be_a_conflict() -> None:
    mine = (
        ("      - ide:/var/lib/ide\n", "      - ide:/var/lib/ide  # big\n      - ./data:/data\n"),
        ("      interval: 10s\n      timeout: 5s\n", "      # slow disk\n      timeout: 60s\n      interval: 10s\n"),
        ("\nvolumes:\n  host_keys:\n  ide:\n", "\nvolumes:\n  host_keys:\n  ide:\n  # mine\n  data:\n"),
    )
    assert merge(BASE, changed(BASE, *mine), changed(BASE, *THEIRS)) == Merged(
        changed(
            BASE,
            (
                "      - ide:/var/lib/ide\n",
                (
                    "      - ide:/var/lib/ide  # big\n"
                    "      # Packages of every build.\n      - cache:/var/cache/pip\n      - ./data:/data\n"
                ),
            ),
            ("      interval: 10s\n      timeout: 5s\n", "      # slow disk\n      timeout: 60s\n      interval: 30s\n"),
            ("\n  ide:\n", "\n  ide:\n  # Can be removed at any time.\n  cache:\n  # mine\n  data:\n"),
            THEIRS[3],
        )
    )


# --- Small documents: base, ours, theirs, merged -------------------------------------------------------------------------------

S = "services:\n  dev:\n    image: a\n    ports:\n      - '22:22'\n    environment:\n      A: 1\n      B: 2\n"
INDENTED = (
    "services:\n    dev:\n        image: a\n        ports: # mine\n        - '22:22'\n"
    "        environment:\n          A: 1\n          B: 2\n"
)

CLEAN = {
    "a value next to an edited one": ("a: 1\nb: 2\n", "a: 1\nb: 9 # mine\n", "a: 3\nb: 2\n", "a: 3\nb: 9 # mine\n"),
    "a value with the user's comment behind it": ("a: 1\n", "a: 1   # why\n", "a: 2\n", "a: 2   # why\n"),
    "a value in another quoting": ("a: 'x'\nb: 1\n", 'a:  "x"\nb: 2\n', "a: y\nb: 1\n", "a:  y\nb: 2\n"),
    "keys in the user's order": ("a: 1\nb: 2\nc: 3\n", "c: 3\nb: 2\na: 1\n", "a: 1\nb: 5\nc: 3\n", "c: 3\nb: 5\na: 1\n"),
    "another indentation": (
        S,
        INDENTED,
        S.replace("22'\n", "22'\n      - '80:80'\n").replace("B: 2\n", "B: 2\n      # why\n      C: |\n        x\n         y\n"),
        INDENTED.replace("22'\n", "22'\n        - '80:80'\n") + "          # why\n          C: |\n            x\n             y\n",
    ),
    "a key with its comment, gone": (
        "a: 1\n# why b\nb: 2\nc: 3\n",
        "a: 1\n# mine\n# why b\nb: 2\nc: 4\n",
        "a: 1\nc: 3\n",
        "a: 1\n# mine\nc: 4\n",
    ),
    "a section gone": (
        "a: 1\n\nb:\n  x: 1\n\nc: 3\n",
        "a: 1\n\nb:\n  x: 1\n\nc: 4\nd: 1\n",
        "a: 1\n\nc: 3\n",
        "a: 1\n\nc: 4\nd: 1\n",
    ),
    "a key in front": ("a: 1\n", "# mine\na: 2\n", "# first\nz: 0\na: 1\n", "# first\nz: 0\n# mine\na: 2\n"),
    "a null gets a value": (
        "v:\n  x:\n  y:\n",
        "v:\n  x: # mine\n  y: 1\n",
        "v:\n  x:\n  y:\n  z:\n",
        "v:\n  x: # mine\n  y: 1\n  z:\n",
    ),
    "a value becomes a mapping": ("a: 1\nb: 2\n", "a: 1\nb: 3\n", "a:\n  x: 1\n  y: 2\nb: 2\n", "a:\n  x: 1\n  y: 2\nb: 3\n"),
    "a block text": (
        "a: |\n  x\n  # y\nb: 1\n",
        "a: |\n  x\n  # y\nb: 2\n",
        "a: |\n  x\n  # z\nb: 1\n",
        "a: |\n  x\n  # z\nb: 2\n",
    ),
    "an item of a list": (
        "l:\n  - a\n  - b\n",
        "l:\n  # mine\n  - a\n  - b\n  - m\n",
        "l:\n  - a\n  - b\n  - t\n",
        "l:\n  # mine\n  - a\n  - b\n  - t\n  - m\n",
    ),
    "an item gone": ("l:\n  - a\n  - b\n", "l:\n  - a\n  - b\n  - m\n", "l:\n  - a\n", "l:\n  - a\n  - m\n"),
    "an item known by its target": (
        "ports:\n  - target: 22\n    published: 1\n",
        "ports:\n  - published: 1 # mine\n    target: 22\n  - target: 80\n",
        "ports:\n  - target: 22\n    published: 2\n    mode: host\n",
        "ports:\n  - published: 2 # mine\n    mode: host\n    target: 22\n  - target: 80\n",
    ),
    "a short mount becomes a long one": (
        "volumes:\n  - ${A:-./a}:/a:ro\n  - b:/b\n",
        "volumes:\n  - ${A:-./a}:/a:ro\n  - b:/b\n  - c:/c\n",
        "volumes:\n  - type: bind\n    target: /a\n  - b:/b\n",
        "volumes:\n  - type: bind\n    target: /a\n  - b:/b\n  - c:/c\n",
    ),
    "a variable of a list": (
        "environment:\n  - A=1\n  - B=1\n",
        "environment:\n  - B=1\n  - A=1\n",
        "environment:\n  - A=1\n  - B=2\n",
        "environment:\n  - B=2\n  - A=1\n",
    ),
    "both added the same": ("a: 1\n", "b: 2\na: 1\n", "a: 1\nb: 2\nc: 3\n", "b: 2\nc: 3\na: 1\n"),
    "both added a mapping": ("a: 1\n", "a: 2\nm:\n  x: 1\n", "a: 1\nm:\n  x: 1\n  y: 2\n", "a: 2\nm:\n  x: 1\n  y: 2\n"),
    "both removed": ("a: 1\nb: 2\nc: 3\n", "c: 4\n", "a: 1\nc: 3\n", "c: 4\n"),
    "no line end at the end": ("a: 1\n", "a: 1\nb: 2", "a: 1\nc: 3\n", "a: 1\nc: 3\nb: 2"),
    "the template's comments": (
        "# c\na: 1\nb: 2\n\nz: 1\n",
        "# c\na: 1\nb: 2\n\nz: 2\n",
        "# d\na: 1\nb: 2\n\ny: 1\nz: 1\n",
        "# d\na: 1\nb: 2\n\ny: 1\nz: 2\n",
    ),
    "tags, anchors and merges": (
        "a:\n  x: 1\nb: 1\n",
        "c: &c {k: 1}\na: !override\n  <<: *c\n  x: 1\n  d: !reset null\nb: *c\n",
        "a:\n  x: 2\n  y: 1\nb: 1\n",
        "c: &c {k: 1}\na: !override\n  <<: *c\n  x: 2\n  y: 1\n  d: !reset null\nb: *c\n",
    ),
    "composegen's own record": (
        "x-composegen:\n  schema: 1\n  stack: a\ns: 1\n",
        "# mine\nx-composegen:\n  schema: 1\n  # said here\n  stack: b # and here\ns: 2\n",
        "x-composegen:\n  schema: 2\n  shm: c\ns: 1\n",
        "# mine\n# said here\n# and here\nx-composegen:\n  schema: 2\n  shm: c\ns: 2\n",
    ),
    "composegen's own record, taken out": (
        "x-composegen:\n  s: 1\n\na: 1\n",
        "a: 2\n",
        "x-composegen:\n  s: 1\n\na: 1\n",
        "x-composegen:\n  s: 1\n\na: 2\n",
    ),
}


@pytest.mark.parametrize(("base", "ours", "theirs", "merged"), CLEAN.values(), ids=CLEAN.keys())
def test_what_is_merged(base: str, ours: str, theirs: str, merged: str) -> None:
    assert merge(base, ours, theirs) == Merged(merged)


CONFLICTS = {
    "both changed": (
        "a: {}\ns:\n  shm_size: 1\nb: 1\n",
        "a: {}\ns:\n  shm_size: 2\nb: 1\n",
        "a: {}\ns:\n  shm_size: 3\nb: 2\n",
        "s.shm_size",
        "a: {}\ns:\n  shm_size: 2\nb: 2\n",
    ),
    "removed and changed": ("a: 1\nb: 1\nc: 1\n", "a: 1\nc: 1\n", "a: 1\nb: 2\nc: 2\n", "b", "a: 1\nc: 2\n"),
    "changed and removed": ("a: 1\nb: 1\nc: 1\n", "a: 1\nb: 2\nc: 1\n", "a: 1\nc: 2\n", "b", "a: 1\nb: 2\nc: 2\n"),
    "a comment in what goes": ("a: 1\nb:\n  x: 1\n", "a: 1\nb:\n  # mine\n  x: 1\n", "a: 2\n", "b", "a: 2\nb:\n  # mine\n  x: 1\n"),
    "added to what goes": ("a: 1\nl:\n  - x\n", "a: 1\nl:\n  - x\n  - y\n", "a: 2\n", "l", "a: 2\nl:\n  - x\n  - y\n"),
    "both added": ("a: 1\n", "a: 1\nb: 2\n", "a: 2\nb: 3\n", "b", "a: 2\nb: 2\n"),
    "the words of a command": (
        "test: [a, b]\nc: 1\n",
        "test: [a, x]\nc: 1\n",
        "test: [y, b]\nc: 2\n",
        "test",
        "test: [a, x]\nc: 2\n",
    ),
    "a list in one line": ("l:\n  - a\nb: 1\n", "l: [a, m]\nb: 1\n", "l:\n  - a\n  - t\nb: 2\n", "l", "l: [a, m]\nb: 2\n"),
    "a tag": ("l:\n  - a\nb: 1\n", "l: !reset []\nb: 1\n", "l:\n  - c\nb: 2\n", "l", "l: !reset []\nb: 2\n"),
    "an anchor others need": ("a: 1\nb: 1\n", "a: &a 1\nb: 1\nc: *a\n", "b: 2\n", "a", "a: &a 1\nb: 2\nc: *a\n"),
    "an item": (
        "ports:\n  - target: 22\n    published: 1\n",
        "ports:\n  - target: 22\n    published: 2\n",
        "ports:\n  - target: 22\n    published: 3\n",
        "ports[22].published",
        "ports:\n  - target: 22\n    published: 2\n",
    ),
    "not a mapping any more": ("a: 1\n", "- a\n", "a: 2\n", "the document as a whole", "- a\n"),
    "nothing any more": ("a: 1\n", "", "a: 2\n", "the document as a whole", ""),
}


@pytest.mark.parametrize(("base", "ours", "theirs", "path", "merged"), CONFLICTS.values(), ids=CONFLICTS.keys())
def test_a_conflict_is_named_and_everything_else_is_merged(base: str, ours: str, theirs: str, path: str, merged: str) -> None:
    assert merge(base, ours, theirs) == Merged(merged, (path,))


@pytest.mark.parametrize("ours", ["", "- a\n", "{a: 1}\n", "? a\n: 1\n"])
def test_a_document_of_another_shape_is_no_conflict_while_the_template_stays(ours: str) -> None:
    assert merge("a: 1\n", ours, "a: 1\n") == Merged(ours)


@pytest.mark.parametrize("text", ["a: [1\n", "a: 1\na: 2\n", "a: *nowhere\n", "a: 1\n---\na: 2\n"])
def test_what_is_not_one_yaml_document_is_explained_with_its_place(text: str) -> None:
    with pytest.raises(ComposegenError) as caught:
        merge("a: 1\n", text, "a: 2\n")
    assert caught.value.message.startswith("compose.yaml is not YAML: line ")
