"""The other half of the contracts, a file of its own so that two workers share the time; see test_contracts.py."""

from __future__ import annotations

from dataclasses import replace

from composegen.model import Contract
from tests.contracts.conftest import Case, cases
from tests.contracts.proofs import Proofs

STACKS = ("jax", "python", "pytorch", "tensorflow")

# No contract of the catalogue has a user of its own; images of other people's do, as rocm/rocm-terminal has.
OWN_USER = Contract(
    "odd/own-user-command-and-entrypoint",
    os="debian12",
    openssh="9.2",
    glibc="2.36",
    apt_sources="deb822",
    interpreter="/usr/bin/python3",
    env=(("PATH", "/opt/vendor/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"), ("ODD", 'a "b" $c \\d')),
    entrypoint="/opt/vendor/entrypoint.sh",
    cmd="sleep infinity",
    shell="bash",
    user="vendor",  # whose uid is 1000
    workdir="/home/vendor",
    quirks=("externally-managed",),
)
[PYTHON, *_] = cases("python")
CASES = [Case("python", replace(PYTHON.variant, contract=OWN_USER))]


class TestContracts(Proofs):
    pass
