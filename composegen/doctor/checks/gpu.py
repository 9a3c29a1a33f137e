"""Whether the container will get its GPUs: what the folder wants × what the engine offers × what the host has.

`up` makes the same checks before it builds anything, so that files are read and the engine is asked once; nvidia-smi, which may
take seconds, is asked only where a file cannot tell.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice

from composegen import host
from composegen.doctor.offer import RUNTIME, WHY, offered_modes
from composegen.doctor.reading import fix
from composegen.doctor.site import Site, Unanswered, Verdict
from composegen.host import nvidia
from composegen.model import Wanted
from composegen.model.gpu import ALL, CDI_KIND, GpuMode
from composegen.model.selection import version_key

FIRST_CDI = "25.0"  # https://docs.docker.com/reference/cli/dockerd/#configure-cdi-devices
LISTS_CDI = "28.2"  # from here on `docker info` says which CDI devices there are
TOOLKIT = "etc/nvidia-container-runtime/config.toml"
NO_LABEL = re.compile(r"label[=:]disable")
# Cards for which NVIDIA supports forward compatibility, by what nvidia-smi calls them:
# https://docs.nvidia.com/deploy/cuda-compatibility/forward-compatibility.html
_CARDS = "K80 M60 P4 P40 P100 V100 T4 A2 A10 A16 A30 A40 A100 A800 L2 L4 L20 L40 L40S H20 H100 H200 H800 GH200 B100 B200 B300 GB200"
DATA_CENTRE = re.compile(rf"\b(Tesla|{'|'.join(_CARDS.split())})\b")


def driver(site: Site) -> Verdict:
    """NVIDIA's driver is loaded, and as new as its libraries."""
    wanted, found = _nvidia(site), site.driver
    if found is None:
        raise Unanswered("the engine runs on another machine, whose driver cannot be seen from here")
    if found.mismatched:
        said = f"the kernel has NVIDIA's driver {found.module} loaded, and the libraries are of {found.library}"
        return Verdict("fail", said, fix("driver-library-mismatch", site.systems))
    if found.there:
        return Verdict("ok", f"NVIDIA's driver {found.module or found.library or 'of the system'}, {_cards(found)}")
    if wanted.mode == "cdi" and _has_all(wanted, site):
        # Where a driver lives elsewhere, as in a container of its own, its specification says where.
        return Verdict("warn", "no NVIDIA driver is loaded on this host; the engine lists the GPUs as CDI devices all the same")
    if found.library or found.device_files:
        return Verdict("fail", "NVIDIA's driver is installed and not loaded", fix("driver-not-loaded", site.systems))
    return Verdict("fail", "this host has no NVIDIA driver", _or_else(wanted, site, fix("driver-missing", site.systems)))


def engine(site: Site) -> Verdict:
    """The engine can hand GPUs over in the way that is asked for."""
    wanted = _nvidia(site)
    found = _BY_MODE[wanted.mode](wanted, site)
    return found if found.status == "ok" else replace(found, fix=_or_else(wanted, site, found.fix))


def _deploy(wanted: Wanted, site: Site) -> Verdict:
    steps = fix("gpu-toolkit-missing", site.systems)
    if site.info.snap:
        return Verdict("fail", "Docker from snap cannot use NVIDIA's container toolkit of the host", steps)
    if "deploy" in _offered(site):
        return Verdict("ok", WHY["deploy"])
    if not site.here:
        return Verdict(
            "warn", "the engine runs on another machine, and does not say whether it has NVIDIA's container toolkit", steps
        )
    return Verdict("fail", "the engine has no NVIDIA container toolkit", steps)


def _runtime(wanted: Wanted, site: Site) -> Verdict:
    if RUNTIME in site.info.runtimes:
        return Verdict("ok", WHY["runtime"])
    said = f"the engine has no runtime '{RUNTIME}', only {', '.join(site.info.runtimes)}"
    return Verdict("fail", said, fix("gpu-runtime-unknown", site.systems))


def _cdi(wanted: Wanted, site: Site) -> Verdict:
    info = site.info
    if not info.cdi_directories:
        old = version_key(info.version) < version_key(FIRST_CDI)
        said = f"Engine {info.version} {'is older than CDI' if old else 'has CDI switched off'}"
        return Verdict("fail", said, fix("cdi-off", site.systems))
    if version_key(info.version) < version_key(LISTS_CDI) or _has_all(wanted, site):
        return Verdict("ok", WHY["cdi"] if info.cdi_devices else f"Engine {info.version} has CDI on, and does not list devices")
    missing = ", ".join(each for each in wanted.cdi_devices if each not in info.cdi_devices)
    there = ", ".join(each for each in info.cdi_devices if each.startswith(CDI_KIND)) or "none"
    said = f"the engine knows no CDI device {missing}; of NVIDIA's it knows {there}"
    return Verdict("fail", said, fix("cdi-device-unknown", site.systems))


_BY_MODE = {"deploy": _deploy, "runtime": _runtime, "cdi": _cdi}


def devices(site: Site) -> Verdict:
    """The cards that are asked for exist, and their specification is of this driver."""
    wanted, found = _nvidia(site), site.driver
    if found is None or not found.there:
        raise Unanswered("there is no driver here that could show its cards")
    if wanted.mode == "cdi":
        stale = nvidia.specified(site.info.cdi_directories, site.root) - {found.module, found.library}
        if stale:
            said = f"a CDI specification is of driver {', '.join(sorted(stale))}, and {found.module} is loaded"
            return Verdict("fail", said, fix("cdi-device-unknown", site.systems))
        return Verdict("ok", f"{', '.join(wanted.cdi_devices)}, as specified")
    if ALL in wanted.ids:
        return Verdict("ok", _cards(found))
    absent = [each for each in wanted.ids if not _exists(each, found, site)]
    if absent:
        return Verdict(
            "fail", f"GPUS asks for {', '.join(absent)}, and there is {_cards(found)}", fix("gpu-id-unknown", site.systems)
        )
    return Verdict("ok", f"{', '.join(wanted.ids)} of {_cards(found)}")


def _exists(gpu: str, found: nvidia.Driver, site: Site) -> bool:
    """Whether there is such a card; also where that cannot be told."""
    if gpu.isdecimal():
        return not found.cards or int(gpu) < found.cards
    if not gpu.startswith(("GPU-", "MIG-")) or site.cards.trouble:
        return True
    # Docker and NVIDIA's tools take the beginning of a UUID as well.
    return any(each.startswith(gpu) for each in (*(card.uuid for card in site.cards.cards), *site.cards.mig))


def cuda(site: Site) -> Verdict:
    """The driver is new enough for the CUDA in the image."""
    _nvidia(site)
    found, variant = site.driver, site.variant
    if found is None or not (version := found.module):
        raise Unanswered("the driver's version cannot be seen from here")
    if variant is None or not variant.minimum_driver:
        raise Unanswered("the image brings no CUDA that composegen knows")
    image = f"CUDA {variant.cuda} of the image"
    if version_key(version) >= version_key(variant.minimum_driver):
        why = f"driver {version} runs {image}, which needs {variant.minimum_driver} or newer"
        return Verdict(
            "ok", f"{why}. A CUDA on the host plays no part: an image has its own, and newer drivers run every older one"
        )
    upgrade = fix("driver-older-than-image", site.systems)
    if variant.compatible_driver and version_key(version) >= version_key(variant.compatible_driver):
        said = (
            f"driver {version} is older than {image} wants ({variant.minimum_driver}), and runs it by minor version compatibility"
        )
        return Verdict("warn", f"{said}: without what newer drivers add, and without compiling PTX", upgrade)
    needs = variant.compatible_driver or variant.minimum_driver
    said = f"driver {version} is too old for {image}, which needs {needs} or newer"
    if names := [card.name for card in site.cards.cards if DATA_CENTRE.search(card.name)]:
        package = f"cuda-compat-{variant.cuda.replace('.', '-')}"
        return Verdict("warn", f"{said}; on a {names[0]} it runs if the image has {package} (forward compatibility)", upgrade)
    return Verdict("fail", said, "\n".join(filter(None, (_older_cuda(site, version), upgrade))))


def _older_cuda(site: Site, driver: str) -> str:
    """How to have the newest version of the stack that the driver runs; empty where there is none."""
    stack, choices = site.stack(), site.choices
    if stack is None or choices is None:
        return ""
    fit = [each for each in stack.variants if each.minimum_driver and version_key(each.minimum_driver) <= version_key(driver)]
    if not fit:
        return ""
    best = max(fit, key=lambda each: (version_key(each.version), version_key(each.cuda)))
    return f"`composegen update --version {best.version} --cuda {best.cuda}`: the newest {stack.title} that this driver runs"


def lasting(site: Site) -> Verdict:
    """What works at first and fails later, or only for some."""
    wanted, info = _nvidia(site), site.info
    if wanted.mode == "cdi":
        return Verdict("ok", "CDI devices belong to the container, and nothing takes them away")
    if info.maps_users == "rootless" and site.here and "no-cgroups = true" not in host.text(site.root / TOOLKIT):
        return Verdict(
            "warn", "the engine is rootless, and NVIDIA's hook may not set device rules", fix("gpu-cgroup-denied", site.systems)
        )
    texts = [path.read_text(errors="replace") for path in site.directory.glob("compose*.yaml") if path.is_file()]
    if "selinux" in info.security and not any(map(NO_LABEL.search, texts)):
        return Verdict("warn", "SELinux is on, and may keep the container from the GPU", fix("gpu-selinux", site.systems))
    if info.cgroup_driver == "systemd":
        said = "a `systemctl daemon-reload` may take the GPU away from a running container (cgroup driver systemd, NVIDIA's hook)"
        return Verdict("warn", said, _or_else(wanted, site, fix("gpu-lost", site.systems)))
    return Verdict("ok", f"cgroup driver {info.cgroup_driver or 'unknown'}")


def other(site: Site) -> Verdict:
    """AMD's and Huawei's devices, which are handed over as files of the host."""
    wanted = site.wanted
    if wanted is None or wanted.device not in ("rocm", "npu") or not wanted.ids:
        raise Unanswered("the folder asks for no such device")
    if wanted.device == "npu" and wanted.mode == "runtime":
        there = "ascend" in site.info.runtimes
        return (
            Verdict("ok", "the engine has the runtime 'ascend'")
            if there
            else Verdict("fail", "the engine has no runtime 'ascend'", ASCEND)
        )
    if not site.here:
        raise Unanswered("the engine runs on another machine, whose devices cannot be seen from here")
    variant = site.variant
    needed = (*variant.devices, *(mount.partition(":")[0] for mount in variant.mounts)) if variant else ()
    absent = [path for path in (each.partition(":")[0] for each in needed) if not (site.root / path.lstrip("/")).exists()]
    if absent:
        return Verdict("fail", f"this host has no {', '.join(absent)}", DRIVERS[wanted.device])
    return Verdict("ok", f"{', '.join(variant.devices) if variant else ''} are there")


ASCEND = "install Ascend Docker Runtime, which registers it, or take the devices themselves: `composegen up --gpu-mode deploy`"
DRIVERS = {
    "rocm": "load AMD's driver (`sudo modprobe amdgpu`; package amdgpu-dkms), or `composegen init STACK . --gpus none`",
    "npu": "install Ascend's driver and firmware, and see that `npu-smi info` works, or `composegen init STACK . --gpus none`",
}


def _nvidia(site: Site) -> Wanted:
    """What is wanted of NVIDIA. Raises Unanswered: nothing is."""
    wanted = site.wanted
    if wanted is None:
        raise Unanswered("no folder says what is wanted")
    if not wanted.nvidia:
        raise Unanswered("the folder asks for no NVIDIA GPU")
    return wanted


def _offered(site: Site) -> tuple[GpuMode, ...]:
    return offered_modes(site.info, nvidia.hook_on_path() if site.here else None)


def _or_else(wanted: Wanted, site: Site, steps: str) -> str:
    """The fix, behind the mode that would work at once, where there is one."""
    driven = site.driver is None or site.driver.there
    usable = (mode for mode in _offered(site) if mode != wanted.mode and (driven or mode == "cdi"))
    return "\n".join((*(f"`composegen up --gpu-mode {mode}`, since {WHY[mode]}" for mode in islice(usable, 1)), steps))


def _has_all(wanted: Wanted, site: Site) -> bool:
    return set(wanted.cdi_devices) <= set(site.info.cdi_devices)


def _cards(found: nvidia.Driver) -> str:
    return f"{found.cards or 'no'} card{'' if found.cards == 1 else 's'}" if found.module else "cards unknown"
