"""What must hold of a catalogue file beyond the shape of its fields. Where a field is not sound, a rule that needs it is silent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from composegen.catalogue.schema import Facts, Meant
from composegen.catalogue.shape import Fields, Path, Problem
from composegen.model.selection import PARTS

IMAGE = re.compile(
    r"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
ONE = "one release of it must say `default: true`"


@dataclass(frozen=True)
class Rule:
    """Of a variant. The first field of `needs` is the one to mend; `holds` takes them all, in that order."""

    needs: tuple[str, ...]
    holds: Callable[..., Any]
    says: str  # what is wrong, with the fields in braces


RULES = (
    Rule(("image",), IMAGE.fullmatch, "'{image}' is not the name of an image: a tag has letters, digits, '_', '.' and '-'"),
    Rule(("version",), VERSION.fullmatch, "'{version}' is not a version: letters, digits, '.', '_', '+' and '-'"),
    Rule(("check",), lambda check: check, "is missing, so that nobody could tell whether it works"),
    Rule(("check",), lambda check: not check or (check.code.strip() and check.expect.strip()), "would pass with any output"),
    Rule(("source",), lambda source: source, "is missing: where is this known from?"),
    Rule(
        ("minimum_driver", "device", "cuda"),
        lambda driver, device, cuda: driver or device != "gpu" or not cuda,
        "no driver is known for CUDA {cuda}; give it",
    ),
)


def wrong(written: Fields, variants: Sequence[Meant], facts: Facts) -> Iterator[Problem]:
    """Everything that breaks a rule in the sound fields of a `Written`, and in the variants that these mean."""
    title = written.get("title", "one line")
    if "\n" in title.strip() or not title.strip():
        yield Problem(("title",), "is not one line of text")
    for name, contract in written.get("contracts", {}).items():
        if "os" in contract and contract["os"] not in facts.systems:
            known = ", ".join(facts.systems)
            yield Problem(("contracts", name, "os"), f"no system named '{contract['os']}'; known: {known}")
    known_contract = Rule(("contract",), lambda name: name in written["contracts"], "no contract named '{contract}' in this file")
    rules = (*RULES, known_contract) if "contracts" in written else RULES
    for _, family in groupby(variants, key=lambda variant: variant.family):
        yield from _broken(rules, list(family))
    yield from _empty(written)
    yield from _alike(variants)
    yield from _without_one_default(written, variants)


def _broken(rules: Sequence[Rule], family: Sequence[Meant]) -> Iterator[Problem]:
    """What breaks a rule in every release of a family is one problem, the family's."""
    for rule in rules:
        asked = [each for each in family if each.fields.keys() >= set(rule.needs)]
        broken = [each for each in asked if not rule.holds(*(each.fields[name] for name in rule.needs))]
        told = set()
        for each in broken:
            place = _place(each, rule.needs[0], everywhere=len(broken) == len(asked))
            case = (place, *(each.fields[name] for name in rule.needs[1:]))
            if case not in told:
                yield Problem(place, rule.says.format(**each.fields))
            told.add(case)


def _place(variant: Meant, field: str, *, everywhere: bool) -> Path:
    if field in variant.own:
        return (*variant.release, field)
    return (*variant.family, field) if everywhere else (*variant.release, "version")


def _empty(written: Fields) -> Iterator[Problem]:
    families = written.get("variants")
    if families == {}:
        yield Problem(("variants",), "is empty")
    for place, family in (families or {}).items():
        if family.get("releases") == {}:
            yield Problem(("variants", place, "releases"), "is empty")


def _alike(variants: Sequence[Meant]) -> Iterator[Problem]:
    seen: set[tuple[str, ...]] = set()
    for variant in variants:
        if variant.fields.keys() >= set(PARTS):
            called = tuple(variant.fields[part] for part in PARTS)
            if called in seen:
                yield Problem((*variant.release, "version"), f"two variants are called {' '.join(filter(None, called))}")
            seen.add(called)


def _without_one_default(written: Fields, variants: Sequence[Meant]) -> Iterator[Problem]:
    """Two defaults are two whatever else is wrong; that there is none can be said only where every release of a device is known."""
    known = all(family.keys() >= {"device", "releases"} for family in written.get("variants", {}).values())
    of = [variant for variant in variants if "device" in variant.fields]
    for device in dict.fromkeys(variant.fields["device"] for variant in of):
        own = [variant for variant in of if variant.fields["device"] == device]
        defaults = [variant for variant in own if variant.fields.get("default")]
        if len(defaults) > 1:
            versions = ", ".join(variant.fields.get("version", "?") for variant in defaults)
            yield Problem((*defaults[1].release, "default"), f"device '{device}' has {len(defaults)} defaults ({versions}); {ONE}")
        elif not defaults and known and all("default" in variant.fields for variant in own):
            yield Problem((*own[0].family, "device"), f"device '{device}' has no default; {ONE}")
