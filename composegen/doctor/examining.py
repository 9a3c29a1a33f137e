"""Making checks side by side, each with its own deadline. None can hide another, or keep anybody waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from threading import Thread
from typing import Any

from composegen.doctor.site import Mend, Site, Status, Unanswered, Verdict
from composegen.errors import ComposegenError

DEADLINE = 2.5  # seconds


@dataclass(frozen=True)
class Check:
    """One question about a site. `deadline`: seconds after which its answer is not waited for; `late`: what to do about that."""

    name: str
    make: Callable[[Site], Verdict]
    deadline: float = DEADLINE
    late: str = ""


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    status: Status
    detail: str
    fix: str = ""
    mend: Mend | None = None


@dataclass(frozen=True)
class Diagnosis:
    """All findings of one run, in order. A warning does not make it fail."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(finding.status != "fail" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """DESIGN's shape for `composegen doctor --json`."""
        shown = [{"name": each.name, "status": each.status, "detail": each.detail, "fix": each.fix} for each in self.findings]
        return {"ok": self.ok, "checks": shown}


def examine(site: Site, checks: Sequence[Check], tell: Callable[[Finding], None] = lambda finding: None) -> Diagnosis:
    """Make every check, all at once; `tell` gets each finding in order, as soon as it is there. Raises nothing of theirs."""
    began = time.monotonic()
    findings = []
    for check, answer in [(check, _begun(check, site)) for check in checks]:
        try:
            found = answer.result(timeout=max(began + check.deadline - time.monotonic(), 0))
        except Late:
            found = Verdict("warn", f"no answer within {check.deadline:g} s", check.late)
        findings.append(Finding(check.name, found.status, found.detail, found.fix, found.mend))
        tell(findings[-1])
    return Diagnosis(tuple(findings))


def _begun(check: Check, site: Site) -> Future[Verdict]:
    answer: Future[Verdict] = Future()

    def make() -> None:
        answer.set_result(verdict(check, site))

    # A daemon, unlike a pool's thread, does not keep the process from ending while it still waits for a network.
    Thread(target=make, name=f"check-{check.name}", daemon=True).start()
    return answer


def verdict(check: Check, site: Site) -> Verdict:
    """That it is not well and that the check is broken are told apart."""
    try:
        return check.make(site)
    except Unanswered as reason:
        return Verdict("skip", str(reason))
    except ComposegenError as error:
        return Verdict("fail", error.message, error.hint or "")
    except Exception as error:
        return Verdict("fail", f"the check itself is broken: {type(error).__name__}: {error}", "report this as a bug of composegen")
