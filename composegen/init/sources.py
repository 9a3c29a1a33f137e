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
    return _followed(images, before)


def _followed(images: Sequence[str], before: Settings) -> dict[str, str]:
    """BASE_IMAGE of a mirror would keep the old image in use; any other is somebody's own choice and stays."""
    old, new = images[0], images[-1]
    if old == new or not before.base_image:
        return {}
    for name in mirrors.names():
        mirror = mirrors.mirror(name)
        if before.base_image == mirror.image(old):
            return {"base_image": mirror.settings(new).get("base_image", "")}
    return {}
