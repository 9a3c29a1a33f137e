"""Making checks side by side, each with its own deadline. None can hide another, or keep anybody waiting."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from functools import partial
from typing import Any

from composegen.doctor.site import Mend, Site, Status, Unanswered, Verdict, in_background
from composegen.errors import ComposegenError

DEADLINE = 10.0  # seconds; what a busy machine may take for a question that waits for nobody


@dataclass(frozen=True)
class Check:
    """One question about a site. `deadline`: seconds after which its answer is not waited for.

    `silence` is what that means then, `late` what to do about it.
    """

    name: str
    make: Callable[[Site], Verdict]
    deadline: float = DEADLINE
    late: str = ""
    silence: Status = "warn"


@dataclass(frozen=True)
class Finding:
    """What one check found."""

    name: str
    status: Status
    detail: str
    fix: str = ""
    mend: Mend | None = None
    answered: bool = True  # False: it was not waited for any more


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


@dataclass(frozen=True)
class Examination:
    """Checks under way."""

    answers: Sequence[tuple[Check, Future[Verdict]]]
    began: float  # time.monotonic()

    def result(self, tell: Callable[[Finding], None] = lambda finding: None) -> Diagnosis:
        """Wait for every answer, none beyond its deadline; `tell` gets each finding in order, as soon as it is there."""
        findings = []
        for check, answer in self.answers:
            try:
                said = answer.result(timeout=max(self.began + check.deadline - time.monotonic(), 0))
                findings.append(Finding(check.name, said.status, said.detail, said.fix, said.mend))
            except Late:
                findings.append(
                    Finding(check.name, check.silence, f"no answer within {check.deadline:g} s", check.late, answered=False)
                )
            tell(findings[-1])
        return Diagnosis(tuple(findings))


def begin(site: Site, checks: Sequence[Check]) -> Examination:
    """Make every check, all at once. Raises nothing of theirs."""
    began = time.monotonic()
    return Examination([(check, in_background(partial(verdict, check, site))) for check in checks], began)


def examine(site: Site, checks: Sequence[Check], tell: Callable[[Finding], None] = lambda finding: None) -> Diagnosis:
    """The same, and what came of it."""
    return begin(site, checks).result(tell)


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
