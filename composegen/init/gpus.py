"""`--gpus` and `--gpu-mode`: as typed → what `.env` says of this machine's GPUs.

The grammar is Docker's own (docker/cli, opts/gpus.go), with what Docker lacks: `none`, `auto`, and ids without `device=`. What
Docker has and would lead elsewhere here is refused with the way that leads there; tests/init/test_gpus.py compares the two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from composegen.errors import UsageError
from composegen.host import nvidia
from composegen.init import cards, own_file
from composegen.init.request import Request
from composegen.model import Choices, Settings
from composegen.model.gpu import ALL, MODES, RUNTIMES

NONE = "none"
AUTO = "auto"
MOST = 64  # more than any machine has; a typing slip, not a wish
ID = r"0|[1-9][0-9]{0,2}|[0-9]{1,2}:[0-9]{1,2}|GPU-[0-9A-Fa-f-]+|MIG-[0-9A-Za-z/-]+"
INTEGER = r"[+-]?[0-9]+"  # as Go's strconv.Atoi reads it
INSTEAD = {
    "driver": "--gpu-mode says how they are handed over: deploy, runtime or cdi",
    "capabilities": "leave it out: `gpu` alone is right, and a second word would take CUDA away",
    "options": "leave it out: NVIDIA's driver has none",
}
USAGE = "all, none, auto, a number of GPUs, or ids such as 0,1 or GPU-… or MIG-…"


@dataclass(frozen=True)
class Asked:
    """So many GPUs, or these (`all` included). Neither: none at all."""

    count: int = 0
    ids: tuple[str, ...] = ()


def parse(text: str) -> Asked:
    """What `--gpus` says, `auto` excepted. Raises UsageError: it cannot be meant."""
    if text == NONE:
        return Asked()
    fields = _fields(text)
    keys = [field.partition("=")[0] for field in fields if "=" in field]
    for key in keys:
        if key in INSTEAD:
            raise UsageError(f"--gpus {text}: '{key}' is not to be chosen here", hint=INSTEAD[key])
        if key not in ("count", "device"):
            raise UsageError(f"--gpus {text} has the unknown key '{key}'", hint=USAGE)
        if keys.count(key) > 1:
            raise UsageError(f"--gpus {text} says {key} twice", hint="say it once: --gpus device=0,1")
    first, *more = fields
    if len(keys) > 1 or (keys and "=" not in first) or (more and first.startswith("count=")):
        raise UsageError(f"--gpus {text} says both how many and which", hint="either a number, or ids: --gpus device=0,1")
    if first.startswith("count=") or (not keys and not more and re.fullmatch(rf"{INTEGER}|-?[0-9.]+", first)):
        return _count(first.removeprefix("count="), text)
    return Asked(ids=_ids([*first.removeprefix("device=").split(","), *more], text))


def _fields(text: str) -> list[str]:
    """One line of CSV, as strictly as Go reads it. Raises UsageError."""
    import csv

    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error:
        fields = []
    if not fields or any('"' in field for field in fields):
        raise UsageError(f"--gpus {text}: '{text}' is not a GPU", hint=f"{USAGE}; quotes go around the whole: '\"device=0,1\"'")
    return fields


def _count(number: str, text: str) -> Asked:
    if number in (ALL, "-1"):
        return Asked(ids=(ALL,))
    if re.fullmatch(r"[+-]?0+", number):
        raise UsageError(
            "--gpus 0 may mean no GPU or GPU number 0", hint="`--gpus none` or `--gpus device=0`; a bare number is a count"
        )
    if not re.fullmatch(INTEGER, number) or not 0 < int(number) <= MOST:
        raise UsageError(f"--gpus {text} is not a number of GPUs", hint="all, none, 1, 2 …, or ids: --gpus device=0,1")
    return Asked(count=int(number))


def _ids(names: list[str], text: str) -> tuple[str, ...]:
    if names == [ALL]:
        return (ALL,)
    if bad := [each for each in names if not re.fullmatch(ID, each)]:
        raise UsageError(f"--gpus {text}: '{bad[0]}' is not a GPU", hint=USAGE)
    if repeated := [each for each in names if names.count(each) > 1]:
        raise UsageError(f"--gpus {text} names GPU {repeated[0]} twice", hint="name each once")
    return tuple(names)


def settings(request: Request, choices: Choices, before: Settings | None) -> tuple[dict[str, str], list[str]]:
    """What changes in `.env`, and what to say of it. nvidia-smi is asked only where cards are to be chosen or were named.

    Raises UsageError: it cannot be meant, or this host has no such card. EngineError: `auto`, and no engine answers.
    """
    had = before or Settings()
    found: dict[str, str] = {} if request.gpu_mode is None else {"gpu_mode": ""}  # what is asked for here holds here
    notes: list[str] = []
    none = choices.device != "cpu" and own_file.without_gpu(had)
    if request.gpus is not None:
        _refuse_no_choice(request.gpus, choices)
        if request.gpus == AUTO:
            more, notes = _picked(choices)
        else:
            more, notes = _taken(parse(request.gpus), choices)
        none = not more.get("gpus")
        found |= {} if none else more
    elif _is_ascend(choices) and had.gpus == ALL:
        found["gpus"] = "0"  # Ascend's runtime knows no `all`; the first card is what devices hand over as well
    after = had.with_(**found)
    compose_file = own_file.compose_file(request.directory, choices, after, none=none)
    return found | ({"compose_file": compose_file} if compose_file != had.compose_file else {}), notes


def _is_ascend(choices: Choices) -> bool:
    return choices.gpu_mode == "runtime" and RUNTIMES.get(choices.device) == "ascend"


def _refuse_no_choice(text: str, choices: Choices) -> None:
    """Raises UsageError: nothing of that kind can be chosen for such a device."""
    if choices.device == "gpu" or (text == NONE and choices.device != "cpu") or (_is_ascend(choices) and text != AUTO):
        return
    hint = "leave it out, or say --device gpu" if choices.device != "npu" else "leave it out, or take --gpu-mode runtime and ids"
    raise UsageError(f"--gpus does not go with device '{choices.device}'", hint=hint)


def _taken(asked: Asked, choices: Choices) -> tuple[dict[str, str], list[str]]:
    """The setting for a wish, empty for none."""
    if asked == Asked():
        return {}, []
    if choices.device == "npu":
        if asked.ids == (ALL,):
            raise UsageError("--gpus all: Ascend's runtime takes ids only", hint="--gpus device=0,1 names them")
        return {"gpus": ",".join(asked.ids or map(str, range(asked.count)))}, []
    if asked.ids == (ALL,):
        return {"gpus": ALL}, []
    from composegen.engine import is_local

    there = nvidia.cards() if is_local() else nvidia.Cards(trouble="the engine is another machine's")
    if asked.count:
        ids, notes = cards.take(asked.count, there)
        return {"gpus": ",".join(ids)}, notes
    cards.refuse_absent(asked.ids, there)
    return {"gpus": ",".join(asked.ids)}, []


def _picked(choices: Choices) -> tuple[dict[str, str], list[str]]:
    """What the engine and this host offer. Raises EngineError: the engine does not answer."""
    from composegen.doctor.offer import pick
    from composegen.engine import DockerEngine, is_local

    local = is_local()
    info = DockerEngine(Path(), "").info()
    found = pick(
        info,
        hook_on_path=nvidia.hook_on_path() if local else None,
        driver=nvidia.driver() if local else None,
        modes=tuple(dict.fromkeys((choices.gpu_mode, *MODES[choices.device]))),
    )
    if found.mode is None:
        return {}, [f"--gpus auto: none, for {found.why}"]
    mode = "" if found.mode == choices.gpu_mode else found.mode
    return {"gpus": ALL, "gpu_mode": mode}, [f"--gpus auto: all by {found.mode}, for {found.why}"]
