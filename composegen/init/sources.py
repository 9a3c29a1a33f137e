"""Where images and packages come from: mirrors, as settings of a person's `.env`."""

from __future__ import annotations

from collections.abc import Sequence

from composegen.catalogue import mirrors
from composegen.errors import UsageError
from composegen.model import Settings, Variant

NONE = "none"
FIELDS = ("base_image", "apt_mirror", "pip_index_url", "framework_index_url")


def asked(name: str | None, images: Sequence[str], variant: Variant, before: Settings) -> dict[str, str]:
    """The settings that `--mirror NAME` means; without it, those that must follow an image that changed.

    `images` are the folder's image until now, if any, and from now on. Raises UsageError: there is no such mirror.
    """
    if name == NONE:
        return dict.fromkeys(FIELDS, "")
    if name is not None:
        known = (*mirrors.names(), NONE)
        if name not in known:
            raise UsageError.unknown("mirror", name, known)
        mirror = mirrors.mirror(name)
        index = {"framework_index_url": mirror.index(variant.pip_index)} if variant.pip_index else {}
        return {"base_image": "", **mirror.settings(images[-1]), **index}
    return _followed(images, variant, before)


def _followed(images: Sequence[str], variant: Variant, before: Settings) -> dict[str, str]:
    """A mirror that is in use goes on being used: BASE_IMAGE of the old image would keep that. What somebody else set stays."""
    old, new = images[0], images[-1]
    followed: dict[str, str] = {}
    for mirror in map(mirrors.mirror, mirrors.names()):
        in_use = before.pip_index_url == mirror.pip.url
        if old != new and (before.base_image == mirror.image(old) if before.base_image else in_use):
            followed["base_image"] = mirror.settings(new).get("base_image", "")
        if in_use and variant.pip_index and not before.framework_index_url:
            followed["framework_index_url"] = mirror.index(variant.pip_index)
    return followed
