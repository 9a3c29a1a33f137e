"""A catalogue file as somebody writes it, and from there every variant that it means.

A family has what its releases share. A release says its version and whatever is different; each of its CUDA versions is a variant.
`{version}`, `{cuda}` and `{tag}` in a family's `image` and `pip` stand for what the release says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from composegen.model.stack import STRICT, Check, Confidence, Contract, Device, Quirk, Stack, Variant

IMAGE = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True)
class WrittenContract:
    __pydantic_config__ = STRICT

    os: str
    interpreter: str = ""
    python: str = ""
    env: dict[str, str] = field(default_factory=dict)
    entrypoint: str = ""
    keeps_entrypoint: bool = False
    cmd: str = ""
    shell: str = "dash"
    user: str = "root"
    workdir: str = "/"
    quirks: tuple[Quirk, ...] = ()


@dataclass(frozen=True)
class Release:
    """One version. A field that is given replaces the family's; `notes` are added to its."""

    __pydantic_config__ = STRICT

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
    size: str | None = None
    notes: tuple[str, ...] = ()
    confidence: Confidence | None = None
    source: str | None = None


@dataclass(frozen=True)
class Family:
    """Images that differ in their version only."""

    __pydantic_config__ = STRICT

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
    size: str = ""
    notes: tuple[str, ...] = ()
    confidence: Confidence = "medium"
    source: str = ""


@dataclass(frozen=True)
class Written:
    __pydantic_config__ = STRICT

    name: str
    title: str
    contracts: dict[str, WrittenContract]
    variants: tuple[Family, ...]
    misnamed: dict[str, str] = field(default_factory=dict)
    unlisted: str = ""


@dataclass(frozen=True)
class Problem:
    """`path` leads to the place in the document, as keys and indices."""

    path: tuple[str | int, ...]
    message: str


@dataclass(frozen=True)
class Facts:
    """What is known about operating systems and CUDA, whatever the framework: `facts/systems.yaml` and `facts/cuda.yaml`."""

    systems: Mapping[str, Mapping[str, Any]]
    drivers: Mapping[str, str]  # CUDA version → lowest driver that has all of it


UNKNOWN: Mapping[str, Any] = {"openssh": "", "glibc": "", "apt_sources": "sources.list"}


def expand(written: Written, facts: Facts) -> tuple[Stack, list[Problem]]:
    """Every variant that a file means, and everything that is wrong with it."""
    contracts, problems = _contracts(written, facts)
    if "\n" in written.title.strip() or not written.title.strip():
        problems.append(Problem(("title",), "is not one line of text"))
    variants: list[Variant] = []
    for place, family in enumerate(written.variants):
        for number, release in enumerate(family.releases):
            path = ("variants", place, "releases", number)
            name = release.contract or family.contract
            if name not in contracts:
                problems.append(Problem((*path, "version"), f"no contract named '{name}' in this file"))
                continue
            made = list(_variants(family, release, contracts[name], facts))
            problems += [Problem((*path, "version"), message) for variant in made for message in _wrong(variant)]
            variants += made
    problems += [Problem(("variants",), message) for message in _ambiguous(variants)]
    misnamed = tuple(written.misnamed.items())
    return Stack(written.name, written.title, tuple(variants), misnamed, written.unlisted), problems


def _contracts(written: Written, facts: Facts) -> tuple[dict[str, Contract], list[Problem]]:
    made: dict[str, Contract] = {}
    problems = []
    for name, given in written.contracts.items():
        system = facts.systems.get(given.os)
        if system is None:
            known = ", ".join(facts.systems)
            problems.append(Problem(("contracts", name, "os"), f"no system named '{given.os}'; known: {known}"))
        same = {each.name: getattr(given, each.name) for each in fields(given) if each.name != "env"}
        known_facts = {key: tuple(value) if isinstance(value, list) else value for key, value in (system or UNKNOWN).items()}
        made[name] = Contract(**{**known_facts, **same, "name": f"{written.name}/{name}", "env": tuple(given.env.items())})
    return made, problems


def _variants(family: Family, release: Release, contract: Contract, facts: Facts) -> Iterator[Variant]:
    shared = {each.name: getattr(family, each.name) for each in fields(family) if each.name not in ("releases", "contract")}
    own = {
        each.name: value
        for each in fields(release)
        if each.name not in ("cuda", "tag", "contract", "notes", "default") and (value := getattr(release, each.name)) is not None
    }
    for number, cuda in enumerate(release.cuda or ("",)):
        words = {"version": release.version, "cuda": cuda}
        words["tag"] = _filled(release.tag, words)
        merged = {**shared, **own}
        merged["image"] = _filled(merged["image"], words)
        merged["pip"] = tuple(_filled(each, words) for each in merged["pip"])
        merged["minimum_driver"] = merged["minimum_driver"] or (facts.drivers.get(cuda, "") if family.device == "gpu" else "")
        merged["notes"] = (*family.notes, *release.notes)
        yield Variant(**merged, cuda=cuda, contract=contract, default=release.default and number == 0)


def _filled(template: str, words: Mapping[str, str]) -> str:
    """Unknown words stay, braces and all, and are then refused as part of an image's name."""
    return re.sub(r"\{(\w+)\}", lambda found: words.get(found[1], found[0]), template)


def _wrong(variant: Variant) -> Iterator[str]:
    called = " ".join(filter(None, (variant.device, variant.version, variant.cuda and f"CUDA {variant.cuda}", variant.flavour)))
    if not IMAGE.fullmatch(variant.image):
        yield f"{called}: '{variant.image}' is not the name of an image: a tag has letters, digits, '_', '.' and '-'"
    if not VERSION.fullmatch(variant.version):
        yield f"{called}: '{variant.version}' is not a version: letters, digits, '.', '_', '+' and '-'"
    if variant.check and not (variant.check.code.strip() and variant.check.expect.strip()):
        yield f"{called} has a check that any output would pass"
    if variant.check is None:
        yield f"{called} has no check, so that nobody could tell whether it works"
    if not variant.source:
        yield f"{called} has no source: where is this known from?"
    if variant.cuda and variant.device == "gpu" and not variant.minimum_driver:
        yield f"{called}: no driver is known for CUDA {variant.cuda}; give minimum_driver"


def _ambiguous(variants: list[Variant]) -> Iterator[str]:
    seen: set[tuple[str, ...]] = set()
    for variant in variants:
        key = (variant.device, variant.version, variant.cuda, variant.flavour)
        if key in seen:
            yield f"two variants are called {' '.join(filter(None, key))}"
        seen.add(key)
    for device in dict.fromkeys(variant.device for variant in variants):
        defaults = [variant.version for variant in variants if variant.device == device and variant.default]
        if len(defaults) != 1:
            said = f"{len(defaults)} defaults ({', '.join(defaults)})" if defaults else "no default"
            yield f"device '{device}' has {said}; one release of it must say `default: true`"
