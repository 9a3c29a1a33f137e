"""Stand-ins for vendors' images: for a contract of the catalogue, a Debian that looks as the contract says.

They prove our side of the contract: that a folder builds, starts and lets in where environment, interpreter, entrypoint, shell,
users, package sources and sshd are as the catalogue says. They prove nothing of the vendor's image itself: no framework, no CUDA,
and neither its Ubuntu nor the version of its Python is in them.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from composegen.model.stack import Contract
from tests.support.engine import Engine, bootstrap

CONTEXT = Path(__file__).resolve().parents[1] / "standins/contract"

# The Debian whose glibc and OpenSSH are nearest; what is older still is refused by a wrapper around sshd.
DEBIAN = {
    "ubuntu18.04": "bullseye",
    "ubuntu20.04": "bullseye",
    "debian11": "bullseye",
    "ubuntu22.04": "bookworm",
    "debian12": "bookworm",
    "ubuntu24.04": "trixie",
    "ubuntu26.04": "trixie",
    "debian13": "trixie",
}
ENTERED = "stand-in for a vendor"  # what an image's own entrypoint says in the log


def standin(engine: Engine, contract: Contract) -> str:
    """The name of an image that keeps to the contract, built where it is missing; it stays, for the next run.

    An empty interpreter is an image without Python. Raises AssertionError with everything that was said: it cannot be built.
    """
    base = f"composegen-base:{DEBIAN[contract.os]}"
    reason = bootstrap(base)
    assert not reason, reason
    dockerfile = (CONTEXT / "Dockerfile").read_text() + "".join(f"{line}\n" for line in _configuration(contract))
    arguments = {"DEBIAN": base, **_arguments(contract)}
    parts = [dockerfile, arguments, engine("image", "inspect", "--format", "{{.Id}}", base)]
    parts += [file.read_text() for file in sorted(CONTEXT.glob("*.sh"))]
    label = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]
    image = f"composegen-standin-{re.sub('[^a-z0-9]+', '-', contract.name)}:{label}"
    if engine.run("image", "inspect", image).returncode != 0:
        given = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        done = engine.run("build", "--tag", image, *given, "--file", "-", str(CONTEXT), stdin=dockerfile)
        assert done.returncode == 0, f"the stand-in of {contract.name}: {done.stderr}"
    return image


def without_python(contract: Contract) -> Contract:
    """The same image, whose interpreter came with the packages that a variant adds."""
    return replace(contract, interpreter="", python="")


def old_sshd(contract: Contract) -> bool:
    """Before 7.8 sshd knows no SetEnv, before 8.2 no Include."""
    return tuple(map(int, contract.openssh.split("."))) < (7, 8)


def _arguments(contract: Contract) -> dict[str, str]:
    """What make.sh makes true in the files of the image."""
    env = dict(contract.env)
    return {
        "OS": contract.os,
        "APT_SOURCES": contract.apt_sources,
        "INTERPRETER": contract.interpreter,
        # In MindSpore's images the name in /usr/local/bin is a link to a Python of a folder of its own.
        "PREFIX": env.get("PYTHON_ROOT_PATH") or str(PurePosixPath(contract.interpreter).parent.parent),
        "SH": contract.shell,
        "USER_1000": contract.user_1000,
        "IMAGE_USER": contract.user,
        "ENTRYPOINT": contract.entrypoint,
        "PIP_CONSTRAINT_FILE": env.get("PIP_CONSTRAINT", ""),
        # No Debian here is as old as a system with such an sshd.
        "OLD_GLIBC": contract.glibc if old_sshd(contract) else "",
        "QUIRKS": " ".join(sorted({*contract.quirks, *(["old-sshd"] if old_sshd(contract) else [])})),
    }


def _configuration(contract: Contract) -> Iterator[str]:
    """Lines of a Dockerfile for what is in the image's configuration."""
    for name, value in contract.env:
        escaped = re.sub(r'(["\\$])', r"\\\1", value)
        yield f'ENV {name}="{escaped}"'
    yield f"WORKDIR {contract.workdir}"
    if contract.user != "root":
        yield f"USER {contract.user}"
    if contract.entrypoint:
        yield f"ENTRYPOINT {json.dumps(_entrypoint(contract))}"
    if contract.cmd:
        yield f"CMD {json.dumps(shlex.split(contract.cmd))}"


def _entrypoint(contract: Contract) -> list[str]:
    """A shell as entrypoint gets a script that does what entrypoint.sh does."""
    if PurePosixPath(contract.entrypoint).name not in ("bash", "sh"):
        return [contract.entrypoint]
    return [contract.entrypoint, "-c", f'echo "{ENTERED}"; export STANDIN_ENTRYPOINT=$0; exec "$@"', contract.entrypoint]
