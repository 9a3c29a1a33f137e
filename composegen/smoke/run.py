"""Running probes side by side. None can hide another, whatever it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from composegen.errors import ComposegenError, UsageError
from composegen.model import Finding, Outcome, Report
from composegen.smoke.probe import Fail, Found, Probe, Skip, Visit
from composegen.smoke.probes import PROBES
from composegen.smoke.target import Target
from composegen.ssh import Session

LOGIN = "login-key"  # the probe that tells whether anybody gets in at all


def run(
    target: Target,
    *,
    only: Sequence[str] = (),
    without: Sequence[str] = (),
    session: Session | None = None,
    tell: Callable[[Finding], None] = lambda finding: None,
    explain: Callable[[Finding], Finding] = lambda finding: finding,
    probes: Sequence[Probe] = PROBES,
) -> Report:
    """Ask every selected probe; a report is returned whatever they meet.

    `only` and `without` take names and groups (`refused` is `refused-key` and its like). A `session` that is already logged in is
    used and left open. `tell` gets each finding in order, as soon as it is there, and after `explain` had a word about it.
    Raises UsageError: no probe has that name, or none is left.
    """
    chosen = select(probes, only=only, without=without)
    told = any(probe.name == LOGIN for probe in chosen)
    started, visit = time.monotonic(), Visit(target, session, login_is_told=told)
    pool = ThreadPoolExecutor(max_workers=max(len(chosen), 1), thread_name_prefix="probe")
    try:
        findings = [_told(future, explain, tell) for future in [pool.submit(_finding, probe, visit) for probe in chosen]]
    finally:
        # After Ctrl-C, closing the session ends what still runs over it.
        visit.close()
        pool.shutdown(wait=False, cancel_futures=True)
    return Report(tuple(findings), time.monotonic() - started)


def select(probes: Sequence[Probe] = PROBES, *, only: Sequence[str] = (), without: Sequence[str] = ()) -> list[Probe]:
    """The probes that are asked for, in their order. Raises UsageError: no probe or group has that name."""
    names = [probe.name for probe in probes]
    groups = [name.split("-")[0] for name in names if "-" in name]
    for given in (*only, *without):
        if not any(probe.answers_to(given) for probe in probes):
            raise UsageError.unknown("probe", given, list(dict.fromkeys([*names, *groups])))
    chosen = [probe for probe in probes if (not only or _named(probe, only)) and not _named(probe, without)]
    if not chosen:
        raise UsageError("these options leave no probe to run", hint="--only and --without name the same ones")
    return chosen


def _named(probe: Probe, given: Sequence[str]) -> bool:
    return any(probe.answers_to(name) for name in given)


def _told(future: Future[Finding], explain: Callable[[Finding], Finding], tell: Callable[[Finding], None]) -> Finding:
    finding = explain(future.result())
    tell(finding)
    return finding


def _finding(probe: Probe, visit: Visit) -> Finding:
    """What a probe found. "The check failed" and "the check is broken" are told apart."""
    started = time.monotonic()

    def finding(outcome: Outcome, detail: str, hint: str = "", data: dict[str, object] | None = None) -> Finding:
        return Finding(probe.name, outcome, time.monotonic() - started, detail, hint, data or {})

    try:
        if probe.needs_session:
            _ = visit.session
            started = time.monotonic()  # a probe is not charged for the login it waited for
        found: Found = probe.run(visit)
        return finding("ok", found.detail, found.hint, found.data)
    except Skip as reason:
        return finding("skip", str(reason))
    except Fail as failure:
        return finding("fail", failure.detail, failure.hint, failure.data)
    except ComposegenError as error:
        return finding("fail", error.message, error.hint or "")
    except Exception as error:
        return finding(
            "fail", f"the probe itself is broken: {type(error).__name__}: {error}", "please report this as a bug of composegen"
        )
