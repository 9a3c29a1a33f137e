"""Contracts of images that vendors made on old systems: build, start, log in, test.

Stand-ins prove our side of a contract, not the vendor's image. Frameworks are not installed: where a variant installs one, a small
package takes its place in the Dockerfile.
"""

from __future__ import annotations

from composegen import catalogue
from tests.contracts import test_newer_contracts
from tests.contracts.proofs import Proofs

STACKS = ("cuda", "mindspore", "paddle")


class TestContracts(Proofs):
    pass


def test_every_stack_has_its_contracts_proved() -> None:
    assert sorted((*STACKS, *test_newer_contracts.STACKS)) == list(catalogue.names())
