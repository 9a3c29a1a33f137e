"""The systems whose sshd differ: three Debians, and a stand-in whose sshd refuses what OpenSSH 7.6 does not know."""

from __future__ import annotations

from composegen import catalogue
from tests.support.engine import Engine, bootstrap
from tests.support.standins import standin

OLD = "OpenSSH 7.6"
DEBIANS = ("bullseye", "bookworm", "trixie", OLD)


def base_of(engine: Engine, name: str) -> str:
    """The base image of one of DEBIANS."""
    if name == OLD:
        contract = next(each.contract for each in catalogue.stack("mindspore").variants if "ubuntu18.04" in each.contract.os)
        return standin(engine, contract)
    image = f"composegen-base:{name}"
    reason = bootstrap(image)
    assert not reason, reason
    return image
