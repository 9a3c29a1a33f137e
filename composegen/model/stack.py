"""What the catalogue says: a stack, its variants, and what an image of one keeps to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from composegen.model.choices import Choices

Device = Literal["gpu", "cpu", "rocm", "npu"]
Confidence = Literal["high", "medium", "low"]
Quirk = Literal["nvidia-key-rotated", "conda", "relinked-python", "externally-managed", "home-in-env", "old-sshd"]

# pydantic reads this when a catalogue is validated; naming it costs nothing where the catalogue is not read.
STRICT = {"extra": "forbid"}


@dataclass(frozen=True)
class Check:
    """A framework's own proof that it works: `code` is Python for the container's interpreter, `expect` must be in its output."""

    __pydantic_config__ = STRICT

    code: str
    expect: str


@dataclass(frozen=True)
class Contract:
    """What all images of one generation have in common, and what our side of the folder relies on."""

    name: str
    os: str  # ubuntu22.04, debian12
    openssh: str  # upstream's version that this system's packages bring
    glibc: str
    apt_sources: Literal["sources.list", "deb822"]
    interpreter: str  # what `command -v python || command -v python3` finds; empty: the image has no Python
    python: str = ""  # its version
    env: tuple[tuple[str, str], ...] = ()  # of the image; must reach every SSH session
    entrypoint: str = ""  # path of the image's own; empty: none
    keeps_entrypoint: bool = False  # it runs before ours, else ours takes its place
    cmd: str = ""  # of its own, which ours replaces
    shell: Literal["dash", "bash"] = "dash"  # what /bin/sh is
    user: str = "root"
    user_1000: str = ""  # the image's own user with uid 1000
    workdir: str = "/"
    quirks: tuple[Quirk, ...] = ()
    ide: tuple[str, ...] = ()  # limits that IDEs have on this system


@dataclass(frozen=True)
class Variant:
    """One image of a stack: a version on a kind of device, with its CUDA and flavour."""

    device: Device
    image: str
    contract: Contract
    version: str
    cuda: str = ""
    flavour: str = ""  # runtime, devel, jupyter …; empty where there is one only
    default: bool = False  # of its device
    minimum_driver: str = ""  # of the NVIDIA driver, for the whole of this CUDA
    compatible_driver: str = ""  # the oldest that runs it at all, thanks to CUDA's minor version compatibility
    shm: str = "1gb"
    apt: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    pip_index: str = ""  # where `pip` finds what the usual index has not; besides it
    framework: tuple[str, ...] = ()  # distributions that a user's requirements must not replace; `nvidia-*` means all of that name
    devices: tuple[str, ...] = ()  # of the host, handed over as they are
    groups: tuple[str, ...] = ()  # that may use them; those of HOST_GROUPS by the host's number
    capabilities: tuple[str, ...] = ()  # of root, besides those that every container of ours has
    security_opt: tuple[str, ...] = ()  # as Compose takes them
    mounts: tuple[str, ...] = ()  # SRC:DST of the host's driver
    check: Check | None = None
    # Python that defines `devices`, what the framework sees, and `multiply(a, b, device)`: the product, as lists of floats, of two
    # matrices that are lists of floats, computed there. Empty where there is nothing but a CPU.
    compute: str = ""
    size: str = ""  # of the image, unpacked
    notes: tuple[str, ...] = ()
    confidence: Confidence = "medium"
    source: str = ""

    @property
    def needs_gpu(self) -> bool:
        return self.device == "gpu"


@dataclass(frozen=True)
class Stack:
    """A framework. The first variant's device is the stack's default; within a device, one variant is."""

    name: str
    title: str
    variants: tuple[Variant, ...]
    misnamed: tuple[tuple[str, str], ...] = ()  # a repository that people write and that does not exist, and the one they mean
    unlisted: str = ""  # what to say of an image of these repositories that is none of the variants'

    def variant(self, device: str = "", *, version: str = "", cuda: str = "", flavour: str = "") -> Variant:
        """The variant that is meant; what is left empty is the stack's to choose. See `selection.select`.

        Raises UsageError: there is none, naming the nearest.
        """
        from composegen.model.selection import select

        return select(self, device=device, version=version, cuda=cuda, flavour=flavour)

    def variant_of(self, choices: Choices) -> Variant:
        """The variant that recorded choices name. Raises UsageError: the stack no longer has it."""
        words = {"device": choices.device, "version": choices.version, "cuda": choices.cuda, "flavour": choices.flavour}
        exact = (each for each in self.variants if all(getattr(each, part) == text for part, text in words.items()))
        return next(exact, None) or self.variant(**words)

    @property
    def devices(self) -> tuple[Device, ...]:
        return tuple(dict.fromkeys(variant.device for variant in self.variants))
