"""Running probes: none hides another, and each ending is told apart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from composegen.errors import NotReachable, UsageError
from composegen.model import Finding, Report
from composegen.smoke import PROBES, names, run, select
from composegen.smoke.junit import junit
from composegen.smoke.probe import Fail, Found, Probe, Skip, Visit
from composegen.ssh import Address
from tests.smoke.fakes import TARGET, FakeSession
from tests.ssh.servers import Server


def fails(visit: Visit) -> Found:
    raise Fail("it is wrong", hint="mend it", data={"seen": 1})


def skips(visit: Visit) -> Found:
    raise Skip("not here")


def breaks(visit: Visit) -> Found:
    raise ZeroDivisionError("a bug")


def is_unreachable(visit: Visit) -> Found:
    raise NotReachable("nobody there", hint="start it")


def works(visit: Visit) -> Found:
    return Found("fine", {"seen": 2})


FIVE = tuple(Probe(probe.__name__, probe) for probe in (fails, skips, breaks, is_unreachable, works))


def test_one_failing_probe_does_not_hide_the_next() -> None:
    report = run(TARGET, session=FakeSession(), probes=FIVE)
    assert [(each.name, each.outcome) for each in report.findings] == [
        ("fails", "fail"),
        ("skips", "skip"),
        ("breaks", "fail"),
        ("is_unreachable", "fail"),
        ("works", "ok"),
    ]
    assert not report.ok


def test_a_broken_probe_says_that_it_is_broken() -> None:
    broken = run(TARGET, session=FakeSession(), probes=FIVE).findings[2]
    assert broken.detail == "the probe itself is broken: ZeroDivisionError: a bug"
    assert "report" in broken.hint


def test_a_finding_carries_hint_and_data() -> None:
    failed, _, _, unreachable, found = run(TARGET, session=FakeSession(), probes=FIVE).findings
    assert (failed.detail, failed.hint, failed.data) == ("it is wrong", "mend it", {"seen": 1})
    assert (unreachable.detail, unreachable.hint) == ("nobody there", "start it")
    assert (found.detail, found.data) == ("fine", {"seen": 2})


def test_a_skipped_probe_does_not_fail_the_report() -> None:
    assert run(TARGET, session=FakeSession(), probes=FIVE[1:2]).ok


def test_nobody_gets_in_and_that_is_never_a_pass(tmp_path: Path) -> None:
    """A probe may leave a failed login to the probe of logins only where that one runs, too."""
    closed = replace(TARGET, address=Address("127.0.0.1", 1, "root"), host_key="")
    for only in (["framework"], ["code"], ["supervisor"], ["refused"]):
        assert not run(closed, only=only).ok, only
    everything = {finding.name: finding.outcome for finding in run(closed).findings}
    assert (everything["login-key"], everything["sftp"], everything["refused-key"]) == ("fail", "skip", "skip")


def test_options_that_leave_nothing_to_run_are_refused() -> None:
    with pytest.raises(UsageError, match="no probe to run"):
        select(PROBES, only=["gpu"], without=["gpu"])


def test_findings_are_told_in_order() -> None:
    told: list[Finding] = []
    report = run(TARGET, session=FakeSession(), probes=FIVE, tell=told.append)
    assert tuple(told) == report.findings


def test_a_given_session_is_left_open() -> None:
    session = FakeSession()
    run(TARGET, session=session, probes=FIVE)
    assert not session.closed


def test_probes_that_need_a_session_are_skipped_with_the_reason_when_the_login_fails(server: Server, tmp_path: Path) -> None:
    from tests.ssh.servers import new_key

    target = replace(TARGET, address=server.address, key=new_key(tmp_path, "stranger"), host_key=server.host_key)
    report = run(target)
    outcomes = {each.name: each.outcome for each in report.findings}
    needing = [probe.name for probe in PROBES if probe.needs_session]
    assert {outcomes[name] for name in needing} == {"skip"}
    assert all(
        "the login failed" in each.detail and "refuses the key" in each.detail for each in report.findings if each.name in needing
    )
    # The stand-in offers what paramiko does, of any age.
    assert [name for name, outcome in outcomes.items() if outcome == "fail"] == ["login-key", "login-password", "cipher-floor"]
    assert outcomes["host-key"] == outcomes["banner"] == outcomes["refused-key"] == "ok"


def test_a_container_that_does_not_answer_fails_twice_and_skips_the_rest(free_port: int) -> None:
    report = run(replace(TARGET, address=Address("127.0.0.1", free_port, "root")))
    assert [each.name for each in report.findings if each.outcome == "fail"] == ["banner", "login-key"]
    assert all(each.detail for each in report.findings)
    assert not [each for each in report.findings if each.outcome == "ok"]


def test_ctrl_c_does_not_wait_for_a_check_that_takes_minutes(server: Server, key: Path) -> None:
    server.answers.anything = True
    server.answers.seconds = 60
    program = f"""
import os, signal, threading
from pathlib import Path
from composegen import smoke
from composegen.model import Check
from composegen.ssh import Address, OneHostKey
address = Address("127.0.0.1", {server.address.port}, {server.address.user!r})
target = smoke.Target(address, Path({str(key)!r}), OneHostKey({server.host_key!r}), check=Check("", ""))
threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    smoke.run(target, only=["framework", "identity"])
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


# --- choosing -----------------------------------------------------------------------------------------------------------


def test_names_and_groups_choose() -> None:
    assert [probe.name for probe in select(only=["refused", "banner"])] == [
        "banner",
        "refused-key",
        "refused-password",
        "refused-empty",
        "refused-keyboard",
        "refused-unknown",
        "refused-anonymous",
    ]
    assert "framework" not in [probe.name for probe in select(without=["framework"])]
    assert [probe.name for probe in select(only=["code"], without=["code-read"])] == ["code-write"]
    assert select() == list(PROBES)


@pytest.mark.parametrize("option", ["only", "without"])
def test_an_unknown_name_is_refused_with_the_nearest(option: str) -> None:
    with pytest.raises(UsageError, match="no probe named 'interpretr'") as raised:
        select(**{option: ["interpretr"]})  # type: ignore[arg-type]
    assert raised.value.hint == "did you mean 'interpreter'?"


def test_every_probe_has_a_name_of_its_own_that_a_shell_takes() -> None:
    assert len(set(names())) == len(PROBES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)?", name) for name in names())


# --- what comes out -----------------------------------------------------------------------------------------------------


def test_junit_counts_and_keeps_every_finding() -> None:
    report = run(TARGET, session=FakeSession(), probes=FIVE)
    root = ElementTree.fromstring(junit(report, suite="a & b"))
    assert (root.get("name"), root.get("tests"), root.get("failures"), root.get("skipped")) == ("a & b", "5", "3", "1")
    cases = {case.get("name"): case for case in root}
    assert cases["fails"].find("failure").text == "it is wrong\nmend it"  # type: ignore[union-attr]
    assert cases["skips"].find("skipped").get("message") == "not here"  # type: ignore[union-attr]
    assert cases["works"].find("system-out").text == "fine"  # type: ignore[union-attr]


def test_junit_survives_what_xml_cannot_say() -> None:
    report = Report((Finding("gpu", "fail", 0.1, "\x1b[31mred\x00 <&> \ud800\nmore", "\x07"),), 0.1)
    failure = next(ElementTree.fromstring(junit(report, suite="x")).iter("failure"))
    assert failure.get("message") == "�[31mred� <&> �"


def test_the_report_is_json() -> None:
    assert json.loads(json.dumps(run(TARGET, session=FakeSession(), probes=FIVE).to_json()))["ok"] is False


def test_a_target_does_not_show_its_password() -> None:
    assert "sesame" not in repr(replace(TARGET, password="sesame"))
