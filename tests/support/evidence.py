"""What the gpu tier showed, as a page for docs/evidence-gpu.md."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from composegen.host import nvidia


@dataclass(frozen=True)
class Row:
    """One test: what it claims, in which way, `passed`, `failed` or `skipped`, and what it saw or why not."""

    claim: str
    way: str
    outcome: str
    shown: str
    seconds: float


def page(rows: Sequence[Row], host: Sequence[str], when: str) -> str:
    """The whole document."""
    counts = ", ".join(f"{count} {each}" for each in ("passed", "failed", "skipped") if (count := _count(rows, each)))
    lines = [
        f"| {row.claim} | {row.way} | {row.outcome} | {_cell(row.shown)} | {row.seconds:.1f} |"
        for row in rows
        if row.outcome != "skipped"
    ]
    missing = dict.fromkeys(f"- {row.way or row.claim}: {row.shown}" for row in rows if row.outcome == "skipped")
    return "\n".join(
        [
            f"# Evidence on a GPU: {counts} on {when}",
            "",
            "Written by `make gpu`, on one host; nothing is filled in by hand. Seconds leave out what a test shares with others.",
            "",
            *(f"- {line}" for line in host),
            "",
            "| what | way | outcome | shown | seconds |",
            "| --- | --- | --- | --- | --- |",
            *lines,
            "",
            *(("Not shown there, and why:", "", *missing, "") if missing else ()),
        ]
    )


def _count(rows: Sequence[Row], outcome: str) -> int:
    return sum(row.outcome == outcome for row in rows)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def host_in_words() -> list[str]:
    """This host as far as it matters here; what it does not have is said as well."""
    driver, cards = nvidia.driver(), nvidia.cards()
    names = [f"GPU {card.index}: {card.name}, {card.memory or '?'} MiB" for card in cards.cards] or [cards.trouble]
    engine = _first_line("docker", "info", "--format", "Engine {{.ServerVersion}}, cgroup {{.CgroupVersion}} by {{.CgroupDriver}}")
    return [
        *names,
        f"NVIDIA's driver {driver.module or driver.library}, kernel {platform.release()}, {platform.machine()}",
        engine or "no Docker engine",
        _first_line("nvidia-ctk", "--version") or "no NVIDIA Container Toolkit",
    ]


def today() -> str:
    return datetime.now(timezone.utc).date().isoformat()


def _first_line(*command: str) -> str:
    """What a program says first; empty where it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return next(iter(done.stdout.splitlines()), "") if done.returncode == 0 else ""
