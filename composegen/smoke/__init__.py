"""What `composegen test` asks a running container over SSH: small independent probes, each with a finding of its own."""

from composegen.smoke import chaos
from composegen.smoke.probe import Probe
from composegen.smoke.probes import PROBES
from composegen.smoke.run import run, select
from composegen.smoke.target import Target

__all__ = ["PROBES", "Probe", "Target", "chaos", "names", "run", "select"]


def names() -> tuple[str, ...]:
    """Every probe's name, in order."""
    return tuple(probe.name for probe in PROBES)
