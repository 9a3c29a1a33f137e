"""What operations find."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["ok", "fail", "skip"]


@dataclass(frozen=True)
class Finding:
    """What one probe found. `seconds` is wall time; `hint` says what to do when it is not ok, or what could be better."""

    name: str
    outcome: Outcome
    seconds: float
    detail: str = ""
    hint: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All findings of one run, in order. A skipped probe does not make a report fail, and says why it was skipped."""

    findings: tuple[Finding, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        return all(finding.outcome != "fail" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """DESIGN's shape for `composegen test --json`; `status` tells a skip from a pass."""
        return {
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "checks": [
                {
                    "name": finding.name,
                    "ok": finding.outcome != "fail",
                    "status": finding.outcome,
                    "seconds": round(finding.seconds, 3),
                    "detail": finding.detail,
                    "hint": finding.hint,
                    **({"data": finding.data} if finding.data else {}),
                }
                for finding in self.findings
            ],
        }
