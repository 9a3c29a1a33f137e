"""Which variant of a stack is meant: what was asked, the stack's own defaults for the rest, the nearest where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from composegen.errors import UsageError
from composegen.model.stack import Stack, Variant

LATEST = "latest"
MOST_NAMED = 12
# How the parts of a variant are called, in the order in which they are held against what was asked.
PARTS = ("device", "version", "cuda", "flavour")
IN_WORDS = {"device": "device '{}'", "version": "version {}", "cuda": "CUDA {}", "flavour": "flavour '{}'"}
_PRE_RELEASE = {"dev": -4, "a": -3, "alpha": -3, "b": -2, "beta": -2, "rc": -1}


@dataclass(frozen=True)
class _Asked:
    """What was asked for one part, and whether a variant has it."""

    part: str
    text: str

    def holds(self, variant: Variant) -> bool:
        has = getattr(variant, self.part)
        if self.part == "version":
            # 2.6 means any 2.6.x, as in an image's tag.
            return self.text == LATEST or has == self.text or has.startswith((f"{self.text}.", f"{self.text}-"))
        return bool(has == self.text)

    def among(self, variants: Sequence[Variant]) -> list[Variant]:
        """Those that have it; a version that is named in full is that one alone."""
        exactly = [variant for variant in variants if getattr(variant, self.part) == self.text]
        return exactly or [variant for variant in variants if self.holds(variant)]

    def in_words(self) -> str:
        return IN_WORDS[self.part].format(self.text)


def fitting(stack: Stack, *, device: str = "", version: str = "", cuda: str = "", flavour: str = "") -> Sequence[Variant]:
    """Every variant with all that is given. Raises UsageError: there is none; the hint has what there is instead."""
    asked = [_Asked(part, text) for part, text in zip(PARTS, (device, version, cuda, flavour), strict=True) if text]
    left: Sequence[Variant] = stack.variants
    for number, each in enumerate(asked):
        fit = each.among(left)
        if not fit:
            raise _no_such(stack, asked[:number], each, left)
        left = fit
    return left


def select(stack: Stack, *, device: str = "", version: str = "", cuda: str = "", flavour: str = "") -> Variant:
    """The variant with all that is given. `version` may be a beginning such as 2.6, or `latest`.

    Among several, the default of the device comes first; then its flavour, the newest version, and the order of the catalogue.
    Raises UsageError: there is none; the hint has what there is instead.
    """
    left = fitting(stack, device=device, version=version, cuda=cuda, flavour=flavour)
    usual = _default(stack, device or left[0].device)
    if version != LATEST and usual in left:
        return usual
    left = [variant for variant in left if variant.device == usual.device] or left
    return max(left, key=lambda variant: (variant.flavour == usual.flavour, version_key(variant.version)))


def on_newer_system(stack: Stack, variant: Variant, glibc: str) -> Variant | None:
    """The variant for the same device whose system has at least that glibc, and which differs least; None: there is none.

    The same CUDA counts most, then the same version, then the next one before the last one, then the same flavour.
    """

    def distance(other: Variant) -> tuple[bool, bool, bool, bool]:
        older = version_key(other.version) < version_key(variant.version)
        return other.cuda != variant.cuda, other.version != variant.version, older, other.flavour != variant.flavour

    own = (each for each in stack.variants if each.device == variant.device)
    fit = [each for each in own if version_key(each.contract.glibc) >= version_key(glibc)]
    if not fit:
        return None
    nearest = min(map(distance, fit))
    left = sorted((each for each in fit if distance(each) == nearest), key=lambda each: version_key(each.version))
    return left[-1 if nearest[2] else 0]


def difference(variant: Variant, other: Variant) -> list[str]:
    """The words of `init` and `update` that lead from one variant to the other of the same stack."""
    parts = [part for part in PARTS if getattr(other, part) and getattr(other, part) != getattr(variant, part)]
    return [word for part in parts for word in (f"--{part}", getattr(other, part))]


def _default(stack: Stack, device: str) -> Variant:
    own = [variant for variant in stack.variants if variant.device == device]
    return next((variant for variant in own if variant.default), own[0])


def _no_such(stack: Stack, given: Sequence[_Asked], missing: _Asked, left: Sequence[Variant]) -> UsageError:
    """What there is of the part that nothing has, among the variants that have all that was asked before it."""
    others = [each.text if each.part == "version" else f"for {each.in_words()}" for each in given]
    subject = " ".join([f"stack '{stack.name}'", *others])
    there = _there(missing, left)
    hint = f"it has: {'; '.join(there)}" if there else f"leave out --{missing.part}"
    return UsageError(f"{subject} has no {missing.in_words()}", hint=hint)


def _there(missing: _Asked, left: Sequence[Variant]) -> list[str]:
    """What there is of a part; where devices differ in it, for each of them."""
    devices = dict.fromkeys(variant.device for variant in left)
    of = {device: _sorted(missing.part, (variant for variant in left if variant.device == device)) for device in devices}
    of = {device: values for device, values in of.items() if values}
    if missing.part == "device" or len(set(of.values())) == 1:
        return [", ".join(_nearest(missing, _sorted(missing.part, left), MOST_NAMED))]
    return [f"{device} {', '.join(_nearest(missing, values, MOST_NAMED // len(of)))}" for device, values in of.items()]


def _nearest(missing: _Asked, there: Sequence[str], most: int) -> Sequence[str]:
    """All of them where they are few; else those that are nearest in order."""
    if missing.part != "version" or len(there) <= most:
        return there
    place = sum(1 for each in there if version_key(each) < version_key(missing.text))
    start = max(0, min(place - most // 2, len(there) - most))
    return there[start : start + most]


def _sorted(part: str, variants: Iterable[Variant]) -> tuple[str, ...]:
    """What variants have of a part, each once: devices in the catalogue's order, all else from the oldest to the newest."""
    values = dict.fromkeys(filter(None, (getattr(variant, part) for variant in variants)))
    return tuple(values) if part == "device" else tuple(sorted(values, key=version_key))


def version_key(text: str) -> tuple[Any, ...]:
    """Orders versions: 1.9 < 1.10, and 2.0.0-alpha < 2.0.0rc1 < 2.0.0 < 2.0.0.post1; words after numbers."""
    found: list[tuple[int, str]] = []
    for number, word in re.findall(r"(\d+)|([a-z]+)", text.lower()):
        found.append((int(number), "") if number else (_PRE_RELEASE.get(word, 0), word if word not in _PRE_RELEASE else ""))
    return (*found, (0, ""))
