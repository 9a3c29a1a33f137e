"""A machine that hands GPUs over otherwise than its project: compose.gpus.yaml, and COMPOSE_FILE in `.env`, which names it.

Both follow from GPUS and GPU_MODE and are written anew whenever these change; tracked files stay as they are.
"""

from __future__ import annotations

from pathlib import Path

from composegen import dotenv, folder
from composegen.errors import FolderError, UsageError
from composegen.folder import ENV, Change, Folder, Plan
from composegen.model import Choices, Settings, wanted
from composegen.model.gpu import BASE_FILE, NO_GPU_FILE, OWN_FILE, files, mode_of, with_file

HEADER = "# Written by composegen"
# What Compose reads as well where COMPOSE_FILE says nothing; the first that is there (compose-go, cli/options.go).
OVERRIDES = ("compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml")


def without_gpu(settings: Settings) -> bool:
    return NO_GPU_FILE in files(settings.compose_file)


def compose_file(directory: Path, choices: Choices, settings: Settings, *, none: bool) -> str:
    """What COMPOSE_FILE must say; as it is where it names the right file of composegen's. `none`: no GPU at all."""
    there = [file for file in files(settings.compose_file) if file in (NO_GPU_FILE, OWN_FILE)]
    needed = NO_GPU_FILE if none else OWN_FILE if _needed(choices, settings.with_(compose_file="")) else ""
    if there == ([needed] if needed else []):
        return settings.compose_file
    override = next((name for name in OVERRIDES if (directory / name).exists()), None)
    return with_file(settings.compose_file, needed, (BASE_FILE, override) if override else (BASE_FILE,))


def _needed(choices: Choices, settings: Settings) -> bool:
    return wanted(choices, settings).needs_own_file(choices.gpu_mode)


def changes(directory: Path, choices: Choices, settings: Settings) -> tuple[Change, ...]:
    """What makes the machine's own file fit; empty where it does. Raises FolderError: that name is somebody else's file."""
    file, needed = directory / OWN_FILE, _needed(choices, settings)
    ours = (folder.read_text(file) or HEADER).startswith(HEADER)
    if not needed and not (ours and file.exists()):
        return ()
    if not ours:
        raise FolderError(f"'{file}' is not composegen's, which would write GPUs there", hint="give it another name")
    from composegen import render

    change = folder.plan_untracked(directory, OWN_FILE, render.own_file(choices, wanted(choices, settings)))
    return (change,) if change.kind != "identical" else ()


def fitted(opened: Folder, mode: str | None = None, *, dry_run: bool = False) -> tuple[Folder, str]:
    """The folder with this machine's mode (None: as it is), and `.env` and file as GPUS and GPU_MODE say; and what was written.

    Naming a mode takes `--gpus none` back. `dry_run`: as it would be, and nothing is written.
    Raises UsageError: the device cannot be handed over that way, or an exported variable beats what would be written. FolderError:
    it cannot be written.
    """
    choices, settings = opened.choices, opened.settings
    beaten = [name for name in ("COMPOSE_FILE", "GPU_MODE") if name in opened.shadowed]
    if beaten and mode is not None:
        raise UsageError(f"the exported {beaten[0]} beats what --gpu-mode writes to {ENV}", hint=f"unset {beaten[0]}")
    if "COMPOSE_FILE" in beaten:
        return opened, ""
    if mode is not None:
        known = mode_of(mode, choices.device)
        settings = settings.with_(gpu_mode="" if known == choices.gpu_mode else known)
    none = without_gpu(settings) and mode is None
    settings = settings.with_(compose_file=compose_file(opened.path, choices, settings, none=none))
    own = changes(opened.path, choices, settings)
    before, after = opened.settings.to_variables(), settings.to_variables()
    assigned = {name: after[name] for name in ("GPU_MODE", "COMPOSE_FILE") if after[name] != before[name]}
    if not assigned and not own:
        return opened, ""
    text = dotenv.assign(folder.read_text(opened.path / ENV) or "", assigned)
    if dry_run:
        return folder.open_folder(opened.path, env=text), _in_words(assigned, own)
    folder.write(Plan(opened.path, (folder.plan_env(opened.path, text), *own)))
    return folder.open_folder(opened.path), _in_words(assigned, own)


def _in_words(assigned: dict[str, str], own: tuple[Change, ...]) -> str:
    said = [" and ".join(f"{name}={value}" for name, value in assigned.items()) + f" to {ENV}"] if assigned else []
    return ", and ".join([*said, *(f"{change.path}{' away' if change.kind == 'remove' else ''}" for change in own)])
