"""The GPU section: are the devices there that were asked for, how much memory is free, and does each of them compute?

NVIDIA's are asked of nvidia-smi. AMD's and Huawei's are judged by their device files and by whether the vendor's tool ends well:
what `rocm-smi` and `npu-smi` print was never seen on hardware, so that nothing is read out of it.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from composegen.host import smi
from composegen.smoke.framework import last_words, run_python
from composegen.smoke.probe import Fail, Found, Skip, Visit

VISIBLE = "NVIDIA_VISIBLE_DEVICES"
UNSAID = ("", "all", "void")  # values that contradict no choice of devices: CDI leaves `void`, an image's own ENV is often `all`
SMI_TIMEOUT = 20.0  # seconds; the first call after a start initialises every card, a driver in trouble hangs
ANEW = "re-create the container: `composegen up --recreate`"

# Device files that must be there and open to the user: the first is the driver's, the second one for each card.
FILES = {"rocm": ("/dev/kfd", "/dev/dri/renderD*"), "npu": ("/dev/davinci_manager", "/dev/davinci[0-9]*")}
TOOLS = {"rocm": "rocm-smi", "npu": "npu-smi info"}
SEE = 'for f in {}; do [ ! -e "$f" ] || {{ [ -r "$f" ] && [ -w "$f" ] && echo "open $f" || echo "shut $f"; }}; done'
GROUPS = {"rocm": "stat -c %g /dev/kfd", "npu": "stat -c %g /dev/davinci_manager"}

# A program that multiplies two matrices on every device that a framework sees, for behind a variant's `compute`, which defines
# `devices` and `multiply`. All numbers and sums are small integers: exact in every format down to half precision, on any hardware.
MARK = "composegen-device: "
MULTIPLY = f"""
import json, time
def told(device, said, began):
    print({MARK!r} + json.dumps({{"device": str(device), "seconds": round(time.time() - began, 3), "said": said}}), flush=True)
def differing(found, wanted):
    places = [(i, j) for i, row in enumerate(wanted) for j, right in enumerate(row) if found[i][j] != right]
    if not places:
        return ""
    i, j = places[0]
    return "wrong in %d places: row %d, column %d is %r, not %r" % (len(places), i, j, found[i][j], wanted[i][j])
a = [[float((3 * i + 2 * j) % 5) for j in range(64)] for i in range(64)]
b = [[float((i + 3 * j) % 4) for j in range(64)] for i in range(64)]
wanted = [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]
for device in devices:
    began = time.time()
    try:
        said = differing(multiply(a, b, device), wanted)
    except Exception as error:
        said = "%s: %s" % (type(error).__name__, error)
    told(device, said, began)
"""


def gpu(visit: Visit) -> Found:
    """The devices that were asked for are there, and no others."""
    asked = visit.target.gpus
    if not asked:
        raise Skip("no GPU is reserved")
    if visit.target.device in FILES:
        return _device_files(visit)
    said = visit.shell(f'nvidia-smi -L 2>&1; s=$?; echo "{VISIBLE}=${VISIBLE}"; exit $s', timeout=SMI_TIMEOUT)
    words, found, variable = said.output.rstrip().partition(f"{VISIBLE}=")
    if not said.ok:
        raise Fail(f"nvidia-smi -L: {words.strip() or said.status}", hint=f"{VISIBLE} is '{variable}' there" if found else "")
    return _as_asked(asked, words.splitlines(), variable, visit)


def _as_asked(asked: str, lines: Sequence[str], variable: str, visit: Visit) -> Found:
    ids, mig = [] if asked == "all" else asked.split(","), _is_mig(asked)
    listed = [line.strip() for line in lines if re.match(r"\s+MIG " if mig else r"GPU ", line)]
    data = {"count": len(listed), "devices": listed, VISIBLE: variable}
    if not listed or (ids and len(listed) != len(ids)):
        raise Fail(f"{len(listed)} GPUs are visible, {len(ids) or 'all'} reserved", hint="GPUS in .env", data=data)
    uuids = {card.index: card.uuid for card in visit.target.cards().cards} if any(map(str.isdecimal, ids)) else {}
    absent = [each for each in ids if (uuid := _uuid(each, uuids)) and not any(uuid in line for line in listed)]
    if absent:
        raise Fail(f"GPU {', '.join(absent)} was asked for and is not among them: {'; '.join(listed)}", hint=ANEW, data=data)
    if variable not in (*UNSAID, asked):
        raise Fail(f"{VISIBLE} is '{variable}', and GPUS in .env is '{asked}'", hint=ANEW, data=data)
    return Found(f"{len(listed)} × {_model(listed[0])}", data)


def _uuid(asked: str, uuids: dict[str, str]) -> str:
    """What a device must be called; empty where nobody knows, as of an index on a host that cannot be asked."""
    return asked if asked.startswith(("GPU-", "MIG-")) else uuids.get(asked, "")


def _is_mig(asked: str) -> bool:
    """`MIG-6f2c…`, or `0:1`: slice 1 of card 0."""
    return "MIG-" in asked or ":" in asked


def _model(line: str) -> str:
    """`NVIDIA H100` of `GPU 0: NVIDIA H100 (UUID: GPU-…)`."""
    return line.partition(":")[2].partition("(")[0].strip() or line


def _device_files(visit: Visit) -> Found:
    """AMD's and Huawei's: the files are there, this user may use them, and the vendor's tool, where there is one, ends well."""
    device = visit.target.device
    driver, cards = FILES[device]
    said = visit.shell(SEE.format(f"{driver} {cards}"))
    found = {name: state for state, _, name in (line.partition(" ") for line in said.stdout.splitlines()) if name}
    there = [name for name in found if name != driver]
    data: dict[str, Any] = {"count": len(there), "devices": there}
    if driver not in found or not there:
        missing = driver if driver not in found else cards
        raise Fail(f"there is no {missing} in the container", hint=f"is the driver loaded on the host? then {ANEW}", data=data)
    if shut := [name for name, state in found.items() if state == "shut"]:
        hint = f"the user must be in the group whose number `{GROUPS[device]}` says; `id` shows those he is in"
        raise Fail(f"{visit.target.address.user} may not use {', '.join(shut)}", hint=hint, data=data)
    tool = TOOLS[device]
    said = visit.shell(f"command -v {tool.split()[0]} >/dev/null || exit 127; {tool}", timeout=SMI_TIMEOUT)
    if not said.ok and said.status != 127:
        raise Fail(f"{tool}: {last_words(said.output) or said.status}", data=data)
    return Found(f"{', '.join(there)}; {tool} {'ends well' if said.ok else 'is not in the container'}", data)


def memory(visit: Visit) -> Found:
    """How much memory each device has free."""
    if not visit.target.gpus:
        raise Skip("no GPU is reserved")
    if visit.target.device in FILES:
        raise Skip(f"it is asked of NVIDIA's devices only; `{TOOLS[visit.target.device]}` shows it")
    with visit.one_program:  # what a program of ours takes would be missing
        said = visit.shell(" ".join(smi.QUERY), timeout=SMI_TIMEOUT)
    if not said.ok:
        raise Fail(f"nvidia-smi: {said.output.strip() or said.status}")
    cards = smi.devices(said.stdout)
    if not cards:
        raise Fail(f"nvidia-smi lists no memory; it says: {' '.join(said.output.split())[:200] or 'nothing'}")
    data = {"devices": [{"index": each.index, "name": each.name, "mebibytes": each.total, "free": each.free} for each in cards]}
    return Found("; ".join(f"GPU {each.index}: {each.memory}" for each in cards), data)


def compute(visit: Visit) -> Found:
    """Every device that the framework sees multiplies two matrices, and the product is right."""
    if not visit.target.gpus:
        raise Skip("no GPU is reserved")
    if not visit.target.compute:
        raise Skip("this folder's record has no computation for each device; `composegen update` may bring one")
    result = run_python(visit, f"{visit.target.compute}\n{MULTIPLY}")
    told = list(_told(result.output.splitlines()))
    data = {"devices": told}
    wrong = [f"{each['device']}: {each['said']}" for each in told if each["said"]]
    if wrong:
        raise Fail("\n".join(wrong), data=data)
    if not result.ok or not told:
        fine = f"after {', '.join(each['device'] for each in told)} " if told else ""
        raise Fail(
            f"the framework computes on no {'further ' if told else ''}device {fine}and ends with:\n{last_words(result.output)}",
            data=data,
        )
    if unseen := _unseen(visit, len(told)):
        raise Fail(unseen, data=data)
    return Found("; ".join(f"{each['device']} multiplies right, {each['seconds']:.2f} s" for each in told), data)


def _told(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        # What a framework's threads say may run into ours.
        with contextlib.suppress(ValueError):
            if MARK in line:
                yield json.loads(line.partition(MARK)[2])


def _unseen(visit: Visit, computed: int) -> str:
    """That there are more devices than the framework sees, which MIG (one slice a process) or CUDA_VISIBLE_DEVICES may mean."""
    if visit.target.device != "gpu":
        return ""
    said = visit.shell('nvidia-smi -L; echo "CUDA_VISIBLE_DEVICES=$CUDA_VISIBLE_DEVICES"', timeout=SMI_TIMEOUT).stdout
    listed = len(re.findall(r"^GPU ", said, re.MULTILINE))
    narrowed = re.search(r"^\s+MIG |^CUDA_VISIBLE_DEVICES=.", said, re.MULTILINE)
    return "" if narrowed or listed <= computed else f"{listed} GPUs are visible, and the framework sees {computed}"
