"""Where images and packages come from: mirrors, as settings of a person's `.env`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from composegen.catalogue import mirrors
from composegen.catalogue.mirrors import Image, Mirror, Place, Registry
from composegen.errors import UsageError
from composegen.model import Settings, Variant

NONE = "none"
VARIABLES = {
    field.name: field.metadata["variable"]
    for field in fields(Settings)
    if field.name in ("base_image", "apt_mirror", "pip_index_url", "framework_index_url")
}

Asked = tuple[dict[str, str], list[str]]  # settings, and what to say about them


def asked(name: str | None, images: Sequence[str], variant: Variant, before: Settings) -> Asked:
    """The settings that `--mirror NAME` means; without it, those that must follow an image that changed.

    `images` are the folder's image until now, if any, and from now on. What somebody set, and no mirror, stays, and that is said.
    Raises UsageError: there is no such mirror.
    """
    if name is None:
        return _followed(images, variant, before)
    known = (*mirrors.names(), NONE)
    if name not in known:
        raise UsageError.unknown("mirror", name, known)
    wanted = dict.fromkeys(VARIABLES, "") if name == NONE else _settings(mirrors.mirror(name), images[-1], variant)
    kept = [each for each in wanted if getattr(before, each) != wanted[each] and _is_ones_own(each, before, images, variant)]
    notes = [] if name == NONE else _remarks(name, "" if "base_image" in kept else images[-1], variant)
    if kept:
        called = ", ".join(VARIABLES[each] for each in kept)
        notes.append(f"{called} of .env stayed as somebody set it; remove it there, and --mirror {name} decides")
    return {field: value for field, value in wanted.items() if field not in kept}, notes


def _settings(mirror: Mirror, image: str, variant: Variant) -> dict[str, str]:
    index = {"framework_index_url": mirror.index(variant.pip_index)} if variant.pip_index else {}
    return {"base_image": "", **mirror.settings(image), **index}


def _is_ones_own(field: str, before: Settings, images: Sequence[str], variant: Variant) -> bool:
    """Whether somebody set it, and no `--mirror`."""
    value, sets = getattr(before, field), [mirrors.mirror(name) for name in mirrors.names()]
    if field == "base_image":
        return value not in ("", *images, *(name for each in sets for image in images for name in each.image_anywhere(image)))
    urls = tuple(place.url for each in sets for place in (each.apt, each.pip, *each.wheels))
    return value not in ("", variant.pip_index) and not value.startswith(urls)


def _remarks(name: str, image: str, variant: Variant) -> list[str]:
    """One note each on what the mirrors lack and on what is unsure of them; `image` is empty where it comes from elsewhere."""
    mirror = mirrors.mirror(name)
    registry = mirror.registry(image)
    places = {place.url: place for place in (mirror.apt, mirror.pip, mirror.wheels_of(variant.pip_index)) if place}
    used: dict[str, Registry | Place] = {**({registry.name: registry} if registry else {}), **places}
    doubts = [
        f"{called} ({each.confidence}; known from: {each.source})" for called, each in used.items() if each.confidence != "high"
    ]
    said = [f"mirrors of less than high confidence, never tried by this project: {', '.join(doubts)}"] if doubts else []
    return _not_carried(name, image) + said


def _not_carried(name: str, image: str) -> list[str]:
    if not image or mirrors.mirror(name).carries(image):
        return []
    return [f"no registry of the mirrors '{name}' carries {image}: it comes from {Image.parse(image).registry} as before"]


def _followed(images: Sequence[str], variant: Variant, before: Settings) -> Asked:
    """A mirror that is in use goes on being used: BASE_IMAGE of the old image would keep that. What somebody else set stays."""
    old, new = images[0], images[-1]
    followed, notes = dict[str, str](), list[str]()
    for name in mirrors.names():
        mirror = mirrors.mirror(name)
        in_use = before.pip_index_url == mirror.pip.url
        if old != new and (before.base_image == mirror.image(old) if before.base_image else in_use):
            followed["base_image"] = mirror.settings(new).get("base_image", "")
            notes += _not_carried(name, new)
        if in_use and variant.pip_index and not before.framework_index_url:
            followed["framework_index_url"] = mirror.index(variant.pip_index)
    return followed, notes
