"""The project's side of a request: what is tracked and re-creates the folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, get_args

from composegen import document, folder, render
from composegen.errors import FolderError, UsageError
from composegen.folder import COMPOSE
from composegen.init import bases, options, paths
from composegen.init.request import Request
from composegen.model import Choices, Device, Init, Stack, Variant, parse_shm
from composegen.model.gpu import MODES, GpuMode, mode_of
from composegen.model.ides import NEWEST_NEED
from composegen.model.selection import PARTS, difference, on_newer_system


def choose(request: Request, stack: Stack, before: Choices | None) -> tuple[Choices, list[str]]:
    """The choices that the folder records (`before`), or the stack's defaults, changed by what was asked; and what to say of them.

    Lists grow; a name has one value.

    Raises UsageError: an option that cannot be meant. FolderError: the folder holds another stack, or its record is damaged.
    """
    if before and before.stack != stack.name:
        raise FolderError(
            f"'{request.directory}' holds the stack '{before.stack}', not '{stack.name}'",
            hint=f"name another folder: `composegen init {stack.name} DIR`",
        )
    _known("device", request.device, get_args(Device))
    _known("init", request.init, get_args(Init))
    base, notes = _base(request, stack)
    variant = which_variant(request, stack, before, base)
    which = {part: getattr(variant, part) for part in PARTS}
    mode = _gpu_mode(request, variant, before)
    start = replace(before, **which, gpu_mode=mode) if before else Choices(stack.name, **which, gpu_mode=mode)
    if base is not None:
        start = replace(start, base="" if base == variant.image else base)
    elif start.base and any(getattr(request, part) for part in PARTS):
        notes.append(
            f"{start.base} gives way to {variant.image}; `composegen init {stack.name} DIR --base {start.base}` takes it back"
        )
        start = replace(start, base="")
    mounts = [paths.mount(text, request.directory) for text in request.mounts]
    variables = [options.variable(text) for text in request.env]
    _refuse_twice("--mount", [mount.target for mount in mounts])
    _refuse_twice("--env", [name for name, _ in variables])
    choices = replace(
        start,
        **_asked(request),
        mounts=tuple({mount.target: mount for mount in (*start.mounts, *mounts)}.values()),
        env=tuple(dict((*start.env, *variables)).items()),
        apt=_grown(start.apt, map(options.package, request.apt)),
        pip=_grown(start.pip, map(options.requirement, request.pip)),
        wheels=_grown(start.wheels, map(options.wheel, request.wheels)),
        services=_grown(start.services, request.services),
    )
    return choices, notes


def which_variant(request: Request, stack: Stack, before: Choices | None, base: str | None) -> Variant:
    """What was asked; what was not stays as it is recorded, as far as the stack has that together with what was asked.

    Raises UsageError: there is no such variant.
    """
    asked = {part: given for part in PARTS if (given := getattr(request, part))}
    if base is not None and (variant := bases.variant_of(base, stack, asked, device=before.device if before else "")):
        return variant
    if before and not asked:
        return stack.variant_of(before)
    kept = {} if before is None or "device" in asked else {part: had for part in PARTS if (had := getattr(before, part))}
    device = {"device": kept.pop("device")} if kept else {}  # which is never given up
    parts = [each for each in kept.items() if each[0] not in asked]
    try:
        for some in range(len(parts), 0, -1):
            for together in combinations(parts, some):
                with suppress(UsageError):
                    return stack.variant(**device, **dict(together), **asked)
        return stack.variant(**device, **asked)
    except UsageError as error:
        repository, _ = _parts(stack.variant().image)
        more = f"; --base {repository}:TAG takes any" if stack.unlisted else ""
        raise UsageError(error.message, hint=f"{error.hint}{more}") from None


def _gpu_mode(request: Request, variant: Variant, before: Choices | None) -> GpuMode:
    """What was asked, else the recorded one where the device can be handed over that way. Raises UsageError: it cannot."""
    if request.gpu_mode is not None:
        return mode_of(request.gpu_mode, variant.device)
    known = MODES[variant.device]
    return before.gpu_mode if before and before.gpu_mode in known else known[0]


def _base(request: Request, stack: Stack) -> tuple[str | None, list[str]]:
    """The image that was asked for, under its right name, and what to say about it."""
    if request.base is None:
        return None, []
    given = bases.as_listed(options.image(request.base), stack)
    repository, tag = _parts(given)
    if right := dict(stack.misnamed).get(repository.removeprefix("docker.io/")):
        usual = next(each.image for each in (stack.variant(), *stack.variants) if each.image.startswith(f"{right}:"))
        found = f"{right}:{tag}" if tag else usual
        return found, [f"{repository} does not exist; {found} was taken"]
    if bases.tells(given, stack):
        bases.refuse_without_apt(given, stack)
    return given, []


def _parts(image: str) -> tuple[str, str]:
    """Repository and tag."""
    path, slash, last = image.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{path}{slash}{name}", tag


def remarks(choices: Choices, stack: Stack) -> list[str]:
    """What a careful colleague would say about this variant, and about an image of the user's own in its place."""
    variant, base = stack.variant_of(choices), choices.base
    said, notes = list[str](), variant.notes
    if base and bases.tells(base, stack):
        said.append(bases.remark(base, variant))
    if base and bases.is_unlisted(base, stack):
        said.insert(0, f"{base} is not in the catalogue: {stack.unlisted}")
        notes = tuple(note for note in notes if note != stack.unlisted)
    if variant.confidence != "high":
        instead = f"; what is known of it is used for {base}" if base else ""
        said.append(
            f"{variant.image} is of {variant.confidence} confidence, never pulled by this project; "
            f"known from: {variant.source}{instead}"
        )
    if "nvidia-key-rotated" in variant.contract.quirks:
        said.append("apt knows only the key that NVIDIA replaced in April 2022, so the build sets NVIDIA's package source aside")
    if choices.sudo:
        said.append(
            "the login user has sudo, so whoever logs in can become root; --no-sudo takes it away, root stays a login of its own"
        )
    return [each for each in (*said, *notes, *variant.contract.ide, _for_ides(stack, variant)) if each]


def _for_ides(stack: Stack, variant: Variant) -> str:
    """What to take instead of a variant on whose system IDEs have limits; empty: it has none, or there is nothing newer."""
    newer = on_newer_system(stack, variant, NEWEST_NEED) if variant.contract.ide else None
    return f"{' '.join(difference(variant, newer))} is on {newer.contract.os}, where current IDEs work" if newer else ""


def recorded(directory: Path) -> Choices | None:
    """The choices in the folder's compose.yaml; None where composegen wrote none."""
    if not folder.is_ours(directory):
        return None
    found = document.choices(folder.read_text(directory / COMPOSE) or "", name=str(directory / COMPOSE))
    _refuse_nonsense(found, str(directory / COMPOSE))
    return found


def _broken(rule: Callable[[str], object], value: str) -> str:
    """What a rule says of a value; empty where it holds."""
    try:
        rule(value)
    except UsageError as error:
        return error.message
    return ""


def _refuse_nonsense(choices: Choices, name: str) -> None:
    """What was edited into a record is held against the rules of the options. Raises FolderError: all that breaks one."""
    rules: tuple[tuple[Callable[[str], object], Iterable[str]], ...] = (
        (options.image, (choices.base,)),
        (parse_shm, (choices.shm,)),
        (options.package, choices.apt),
        (options.requirement, choices.pip),
        (options.wheel_name, choices.wheels),
        (options.variable_name, [name for name, _ in choices.env]),
    )
    said = [message for rule, values in rules for value in filter(None, values) if (message := _broken(rule, value))]
    if said:
        raise FolderError(f"{name}: x-composegen is not what composegen writes: {'; '.join(said)}", hint=document.RESTORE)


def refuse_newer(directory: Path) -> None:
    """Raises FolderError: a newer composegen wrote the folder, whose templates this one would undo."""
    number = document.template(folder.read_text(directory / COMPOSE) or "", name=str(directory / COMPOSE))
    if number > render.TEMPLATE:
        raise FolderError(
            f"'{directory}' was written by a newer composegen: template {number}, this one has {render.TEMPLATE}",
            hint="upgrade composegen",
        )


def _asked(request: Request) -> dict[str, Any]:
    asked = {
        "shm": None if request.shm is None else parse_shm(request.shm),
        "init": request.init,
        "sudo": request.sudo,
        "devcontainer": request.devcontainer,
    }
    return {name: value for name, value in asked.items() if value is not None}


def _known(option: str, given: str | None, known: tuple[str, ...]) -> None:
    if given is not None and given not in known:
        raise UsageError.unknown(option, given, known)


def _refuse_twice(option: str, names: list[str]) -> None:
    if repeated := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"{option} names {repeated[0]} twice", hint="say it once")


def _grown(before: tuple[str, ...], asked: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*before, *asked)))
