"""A catalogue file as somebody writes it, and from there every variant that it means, as far as it can be meant.

A family has what its releases share. A release says its version and whatever is different; each of its CUDA versions is a variant.
`{version}`, `{cuda}` and `{tag}` in a family's `image` and `pip` stand for what the release says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from composegen.catalogue.shape import Fields, Path
from composegen.model.stack import Check, Confidence, Contract, Device, Quirk, Stack, Variant


@dataclass(frozen=True)
class WrittenContract:
    os: str
    interpreter: str = ""
    python: str = ""
    env: dict[str, str] = field(default_factory=dict)
    entrypoint: str = ""
    keeps_entrypoint: bool = False
    cmd: str = ""
    shell: Literal["dash", "bash"] = "dash"
    user: str = "root"
    workdir: str = "/"
    quirks: tuple[Quirk, ...] = ()


@dataclass(frozen=True)
class Release:
    """One version. A field that is given replaces the family's; `notes` are added to its."""

    version: str
    cuda: tuple[str, ...] = ()
    tag: str = ""
    default: bool = False  # of the device, with the first CUDA
    contract: str | None = None
    image: str | None = None
    minimum_driver: str | None = None
    apt: tuple[str, ...] | None = None
    pip: tuple[str, ...] | None = None
    check: Check | None = None
    compute: str | None = None
    size: str | None = None
    notes: tuple[str, ...] = ()
    confidence: Confidence | None = None
    source: str | None = None


@dataclass(frozen=True)
class Family:
    """Images that differ in their version only."""

    device: Device
    contract: str
    image: str
    releases: tuple[Release, ...]
    flavour: str = ""
    minimum_driver: str = ""
    shm: str = "1gb"
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    pip_index: str = ""
    framework: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    check: Check | None = None
    compute: str = ""
    size: str = ""
    notes: tuple[str, ...] = ()
    confidence: Confidence = "medium"
    source: str = ""


@dataclass(frozen=True)
class Written:
    name: str
    title: str
    contracts: dict[str, WrittenContract]
    variants: tuple[Family, ...]
    misnamed: dict[str, str] = field(default_factory=dict)
    unlisted: str = ""


@dataclass(frozen=True)
class Facts:
    """What is known about operating systems and CUDA, whatever the framework: `facts/systems.yaml` and `facts/cuda.yaml`."""

    systems: Mapping[str, Mapping[str, Any]]
    drivers: Mapping[
        str, Mapping[str, str]
    ]  # CUDA version → `driver`, `minor_compatible_driver`: facts/cuda.yaml says what they are


@dataclass(frozen=True)
class Meant:
    """One variant: where it is written, and its fields, its contract by name. A field that cannot be told is not among them."""

    family: Path
    release: Path
    own: frozenset[str]  # what its release says itself
    fields: Fields


def meant(written: Fields, facts: Facts) -> Iterator[Meant]:
    """Every variant of the sound fields of a `Written`."""
    for place, family in written.get("variants", {}).items():
        for number, release in family.get("releases", {}).items():
            own = frozenset(name for name, value in release.items() if value is not None)
            where = ("variants", place)
            for variant in _variants(family, release, facts):
                yield Meant(where, (*where, "releases", number), own, variant)


def _variants(family: Fields, release: Fields, facts: Facts) -> Iterator[Fields]:
    """One for each CUDA of a release."""
    unsound = {each.name for each in fields(Release)} - release.keys()
    merged = {**family, **{name: value for name, value in release.items() if value is not None}}
    merged = {name: value for name, value in merged.items() if name not in unsound | {"releases", "tag"}}
    merged["notes"] = (*family.get("notes", ()), *release.get("notes", ()))
    for number, cuda in enumerate(release.get("cuda") or ("",)):
        one = dict(merged)
        if "cuda" in one:
            one["cuda"] = cuda
        if "default" in one:
            one["default"] = one["default"] and number == 0
        yield _with_driver(_filled_in(one, release), facts)


def _filled_in(variant: Fields, release: Fields) -> Fields:
    """`image` and `pip` with the words that their release says; without these nobody can tell them."""
    if not {"version", "cuda", "tag"} <= release.keys():
        return {name: value for name, value in variant.items() if name not in ("image", "pip")}
    words = {"version": variant["version"], "cuda": variant["cuda"]}
    words["tag"] = _filled(release["tag"], words)
    filled: Fields = {"image": _filled(variant["image"], words)} if "image" in variant else {}
    filled |= {"pip": tuple(_filled(each, words) for each in variant["pip"])} if "pip" in variant else {}
    return {**variant, **filled}


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Unknown words stay, braces and all, and are then refused as part of an image's name."""
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), template)


def _with_driver(variant: Fields, facts: Facts) -> Fields:
    if variant.get("device") != "gpu" or not {"cuda", "minimum_driver"} <= variant.keys():
        return variant
    known = facts.drivers.get(variant["cuda"], {})
    least = variant["minimum_driver"] or known.get("driver", "")
    return {**variant, "minimum_driver": least, "compatible_driver": known.get("minor_compatible_driver", least)}


def stack(written: Fields, variants: Iterable[Meant], facts: Facts) -> Stack:
    """The stack that a file means in which nothing is wrong."""
    contracts = {name: _contract(f"{written['name']}/{name}", given, facts) for name, given in written["contracts"].items()}
    made = (Variant(**{**each.fields, "contract": contracts[each.fields["contract"]]}) for each in variants)
    return Stack(written["name"], written["title"], tuple(made), tuple(written["misnamed"].items()), written["unlisted"])


def _contract(name: str, given: Fields, facts: Facts) -> Contract:
    system = {key: tuple(value) if isinstance(value, list) else value for key, value in facts.systems[given["os"]].items()}
    return Contract(**{**system, **given, "name": name, "env": tuple(given["env"].items())})
