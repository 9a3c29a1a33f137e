"""`composegen test`: from a folder and its engine to what the smoke tests find."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from composegen import smoke, ssh
from composegen.engine import Engine, guard, is_local
from composegen.errors import NotReachable
from composegen.folder import Folder
from composegen.model import Finding, Report
from composegen.up.ready import note_host_key
from composegen.up.state import Options, State, Talk
from composegen.up.testing import explained, target

STARTING = 15.0  # seconds


def run(
    folder: Folder,
    engine: Engine,
    *,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    chaos: bool = False,
    tell: Callable[[Finding], None] = lambda finding: None,
    say: Callable[[str], None] = lambda line: None,
) -> Report:
    """Test the folder's running container; see `smoke.run` for the arguments. `say` hears of a host key that is new; `chaos` kills
    its sshd at the end.

    Raises UsageError: no probe has that name. EngineError: the container does not run, or is another folder's.
    """
    runs = _chosen(only=only, without=without, chaos=chaos)
    with ThreadPoolExecutor() as pool:
        # The engine's two answers and the import of paramiko take about as long as each other.
        looking, asking, _ = pool.submit(engine.look), pool.submit(engine.host_key), pool.submit(ssh.preload)
        look = looking.result()
        guard.refuse_foreign(engine, look)
        container = guard.running(look.container)
        host_key = asking.result()
    address = replace(State(folder, engine, Options(), Talk(lambda line: None)), look=look).address
    if container.health == "starting":
        _let_it_come_up(address)
        host_key = engine.host_key()
    known_hosts = ssh.KnownHosts.own()
    if host_key:
        note_host_key(address, host_key, known_hosts, say)
    expected = target(folder, address, container.shm, host_keys=known_hosts, host_key=host_key, local=is_local(), door=engine)
    reports = [smoke.run(expected, tell=tell, explain=explained, probes=probes) for probes in runs]
    findings = tuple(finding for report in reports for finding in report.findings)
    return Report(findings, sum(report.seconds for report in reports))


def _chosen(*, only: Sequence[str], without: Sequence[str], chaos: bool) -> list[list[smoke.Probe]]:
    """The probes of each run, one run after the other: next to chaos no other probe could be believed."""
    storm = smoke.chaos.probes() if chaos else ()
    chosen = smoke.select((*smoke.PROBES, *storm), only=only, without=without)
    calm = [probe for probe in chosen if probe not in storm]
    return [run for run in (calm, [probe for probe in chosen if probe in storm]) if run]


def _let_it_come_up(address: ssh.Address) -> None:
    """Right after a start or restart sshd needs a second. That it never comes is for the probes to find."""
    with contextlib.suppress(NotReachable):
        ssh.wait_for_banner(address, timeout=STARTING)
