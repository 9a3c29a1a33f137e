"""Which stack an image is of: by the catalogue's own images, by their repositories, by a framework's name in the image's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from composegen.catalogue.mirrors import Image
from composegen.errors import UsageError
from composegen.model import Device, Stack

# Of images that nobody knows: by whether they are to have a GPU.
OTHERS = {True: "cuda", False: "python"}


@dataclass(frozen=True)
class Recognised:
    """A stack and the image; `listed`: the catalogue has it; `notes`: how it was recognised, where that is not beyond doubt."""

    stack: Stack
    image: str
    device: Device
    listed: bool = False
    notes: tuple[str, ...] = ()


def recognised(image: str, stacks: Sequence[Stack], *, wants_gpu: bool) -> Recognised:
    """The stack of an image. Raises UsageError: its name is only known when Compose runs."""
    if "$" in image:
        raise UsageError(f"the image is '{image}', which only Compose can fill in", hint="write the image's name for --output")
    repository = Image.parse(image).repository
    # An image that several stacks build on is of none of them.
    for stack in sorted(stacks, key=lambda stack: stack.name not in OTHERS.values()):
        if repository in _repositories(stack):
            own = _own_device(stack, image)
            return Recognised(stack, image, own or _device(stack, wants_gpu), listed=own is not None)
    for stack in stacks:
        if stack.name not in OTHERS.values() and re.search(rf"(?<![a-z]){re.escape(stack.name)}(?![a-z])", repository):
            said = f"{image} is taken for an image of '{stack.name}' by its name"
            return Recognised(stack, image, _device(stack, wants_gpu), notes=(said,))
    stack = next(stack for stack in stacks if stack.name == OTHERS[wants_gpu])
    said = f"{image} is of no framework that the catalogue knows, so `test` checks none: the stack is '{stack.name}'"
    return Recognised(stack, image, stack.devices[0], notes=(said,))


def _repositories(stack: Stack) -> set[str]:
    named = (*(variant.image for variant in stack.variants), *(wrong for wrong, _ in stack.misnamed))
    return {Image.parse(each).repository for each in named}


def _own_device(stack: Stack, image: str) -> Device | None:
    """Of the image itself, where the catalogue lists it."""
    meant = Image.parse(image)
    return next((variant.device for variant in stack.variants if Image.parse(variant.image) == meant), None)


def _device(stack: Stack, wants_gpu: bool) -> Device:
    """What the line asks for, as far as the stack has that."""
    asked: Device = "gpu" if wants_gpu else "cpu"
    return asked if asked in stack.devices else stack.devices[0]
