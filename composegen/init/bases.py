"""An image of `--base` whose tag says what is inside, and which of a stack's facts hold for it.

Such a stack takes tags that its catalogue does not list (`Stack.unlisted`). They follow NVIDIA's scheme,
`12.4.1-cudnn-devel-ubuntu22.04`: the version, what is in it, and the system (doc/supported-tags.md of NVIDIA's container images).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from composegen.catalogue.mirrors import Image
from composegen.errors import UsageError
from composegen.model import Stack, Variant
from composegen.model.selection import fitting, version_key

# As tags of nvidia/cuda write them, seen in FROM lines or in NVIDIA's lists of tags; apt is what the Dockerfile installs with.
WITH_APT = ("debian", "ubuntu")
WITHOUT_APT = ("amzn", "azl", "centos", "cm", "opensuse", "oraclelinux", "rhel", "rockylinux", "sles", "ubi")
_SYSTEM = rf"(?:{'|'.join((*WITH_APT, *WITHOUT_APT))})[0-9.]+"
_VERSION = r"[0-9]+\.[0-9]+(?:\.[0-9]+)*"


@dataclass(frozen=True)
class Tag:
    """What a tag says; what it does not say is empty."""

    system: str  # ubuntu22.04
    version: str  # 12.4.1

    @classmethod
    def of(cls, image: str) -> Tag:
        words = re.split("[-_]", Image.parse(image).tag)
        system = next((word for word in words if re.fullmatch(_SYSTEM, word)), "")
        return cls(system, words[0] if re.fullmatch(_VERSION, words[0]) else "")

    @property
    def release(self) -> str:
        """The version without its patch, which is what CUDA and drivers are told apart by."""
        return _release(self.version)


def as_listed(image: str, stack: Stack) -> str:
    """The name that the catalogue has for it, where that is the same image in other words: `docker.io/` may be left out."""
    meant = Image.parse(image)
    return next((variant.image for variant in stack.variants if Image.parse(variant.image) == meant), image)


def tells(image: str, stack: Stack) -> bool:
    """Whether its tag says what is inside: the stack takes any tag of that repository, in whatever registry."""
    given = f"/{Image.parse(image).repository}"
    return bool(stack.unlisted) and any(given.endswith(f"/{Image.parse(each.image).repository}") for each in stack.variants)


def is_unlisted(image: str, stack: Stack) -> bool:
    """Whether it is one of those, and not in the catalogue."""
    return tells(image, stack) and image not in (variant.image for variant in stack.variants)


def variant_of(image: str, stack: Stack, asked: Mapping[str, str], *, device: str) -> Variant | None:
    """The variant whose facts hold for it, with all that was asked, else with `device`; None where the image does not tell.

    Raises UsageError: there is none with all that was asked.
    """
    if not asked:
        # An image of the catalogue is that variant, with all that is known about it.
        named = [variant for variant in stack.variants if variant.image == image]
        if len(named) == 1:
            return named[0]
    return nearest(image, stack, {"device": device, **asked}) if tells(image, stack) else None


def refuse_without_apt(image: str, stack: Stack) -> None:
    """Raises UsageError: its tag names a system on which the Dockerfile cannot install; the hint has an image on which it can."""
    system = Tag.of(image).system
    if system.startswith(WITHOUT_APT):
        raise UsageError(
            f"'{image}' is {system} by its tag, and the Dockerfile installs with apt, which only Debian and Ubuntu have",
            hint=f"take an image of Ubuntu, such as {nearest(image, stack, {}).image}",
        )


def nearest(image: str, stack: Stack, asked: Mapping[str, str]) -> Variant:
    """The variant with all that was asked whose facts come nearest to what the image's tag says.

    The system comes first, for it decides whether the Dockerfile works; then CUDA, which decides on the driver. Where the stack has
    not the one that the tag says, that is the newest before it, else the oldest. Raises UsageError: there is none as asked.
    """
    says, usual, left = Tag.of(image), stack.variant(**asked), fitting(stack, **asked)
    kind = says.system.rstrip("0123456789.")
    if alike := [variant for variant in left if kind in WITH_APT and variant.contract.os.startswith(kind)]:
        system = _nearest(says.system, (variant.contract.os for variant in alike))
        left = [variant for variant in alike if variant.contract.os == system]
    if says.version:
        release = _nearest(says.release, (_release(variant.version) for variant in left))
        left = [variant for variant in left if _release(variant.version) == release]
    elif usual in left:
        return usual
    return max(left, key=lambda each: (each.version == says.version, each.flavour == usual.flavour, _age(each)))


def remark(image: str, variant: Variant) -> str:
    """What to say where the tag does not say what the variant's facts were written for; empty where it does."""
    says = Tag.of(image)
    if (says.system, says.release) == (variant.contract.os, _release(variant.version)):
        return ""
    number = "CUDA" if _release(variant.version) == variant.cuda else "version"
    told = " with ".join(filter(None, (says.system, says.release and f"{number} {says.release}")))
    driver = f", driver {variant.minimum_driver} or newer" if variant.minimum_driver else ""
    return (
        f"by its tag {image} is {told or f'of no system and no {number} that could be told'}; what is known of {variant.image} "
        f"is used for it: {variant.contract.os}, {number} {_release(variant.version)}{driver}"
    )


def _age(variant: Variant) -> tuple[object, ...]:
    return version_key(variant.version), version_key(variant.contract.os)


def _release(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _nearest(wanted: str, there: Iterable[str]) -> str:
    """The same, or the newest before it, else the oldest."""
    ordered = sorted(set(there), key=version_key)
    return next((each for each in reversed(ordered) if version_key(each) <= version_key(wanted)), ordered[0])
