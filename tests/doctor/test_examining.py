"""Checks side by side: none hides another, breaks the run, or keeps it waiting."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from composegen.doctor import CHECKS, Site, examine
from composegen.doctor import site as site_module
from composegen.doctor.examining import Check
from composegen.doctor.site import Unanswered, Verdict
from composegen.engine import Info
from composegen.errors import EngineError
from tests.engine_room.test_steps import FakeEngine


def well(site: Site) -> Verdict:
    return Verdict("ok", f"Engine {site.info.version}")


def broken(site: Site) -> Verdict:
    raise ZeroDivisionError("division by zero")


def forbidden(site: Site) -> Verdict:
    raise EngineError("the socket is closed to you", hint="join the group")


def pointless(site: Site) -> Verdict:
    raise Unanswered("there is no folder")


def test_every_way_in_which_a_check_can_end_is_a_finding(tmp_path: Path) -> None:
    site = Site(FakeEngine(tmp_path, about=Info(version="28.5.2")), directory=tmp_path)
    told: list[str] = []
    checks = [Check(each.__name__, each) for each in (well, broken, forbidden, pointless)]
    found = examine(site, checks, lambda each: told.append(each.name))
    assert [(each.name, each.status) for each in found.findings] == [
        ("well", "ok"),
        ("broken", "fail"),
        ("forbidden", "fail"),
        ("pointless", "skip"),
    ]
    assert told == ["well", "broken", "forbidden", "pointless"]
    assert "ZeroDivisionError" in found.findings[1].detail
    assert found.to_json()["checks"][2] == {
        "name": "forbidden",
        "status": "fail",
        "detail": "the socket is closed to you",
        "fix": "join the group",
    }
    assert not found.ok


def test_a_check_past_its_deadline_is_what_its_silence_means_and_is_not_waited_for(tmp_path: Path) -> None:
    never = threading.Event()

    def silent(site: Site) -> Verdict:
        never.wait()
        return Verdict("ok", "late")

    site = Site(FakeEngine(tmp_path), directory=tmp_path)
    found = examine(site, [Check("silent", silent, deadline=0.05), Check("well", well)])
    assert [(each.status, each.detail) for each in found.findings] == [("warn", "no answer within 0.05 s"), ("ok", "Engine ")]
    assert found.ok
    found = examine(site, [Check("silent", silent, deadline=0.05, silence="fail")])
    never.set()
    assert not found.ok


class Mute(FakeEngine):
    asked = 0

    def info(self) -> Info:
        Mute.asked += 1
        raise EngineError("it does not answer")


def test_an_engine_that_does_not_answer_is_asked_once_and_skips_what_needs_it(tmp_path: Path) -> None:
    found = examine(Site(Mute(tmp_path), directory=tmp_path), [Check("one", well), Check("two", well)])
    assert [(each.status, each.detail) for each in found.findings] == [("skip", "the engine does not answer")] * 2
    assert Mute.asked == 1


class Hanging(FakeEngine):
    until = threading.Event()

    def info(self) -> Info:
        self.until.wait()
        return Info()


def test_an_engine_that_hangs_is_one_failure_and_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_module, "PATIENCE", 0.05)
    asked = [check for check in CHECKS if check.name in ("engine", "memory", "clock", "networks")]
    found = examine(Site(Hanging(tmp_path), directory=tmp_path), asked)
    Hanging.until.set()
    engine, *others = found.findings
    assert engine.status == "fail" and "does not answer" in engine.detail and engine.fix
    assert [(each.status, each.detail) for each in others] == [("skip", "the engine does not answer")] * 3
