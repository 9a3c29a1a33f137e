"""What is inside and what is in the files: each probe on a right answer, on each wrong one, and on nonsense."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from composegen.model import CODE_TARGET, Check
from composegen.smoke import names, run
from composegen.ssh import Address, Result
from tests.smoke.fakes import TARGET, FakeSession, find, on_this_machine, prints, probe

ADA = Address("127.0.0.1", 1, "ada")


# --- identity -----------------------------------------------------------------------------------------------------------


def test_identity_is_that_of_who_should_log_in() -> None:
    finding = find("identity", FakeSession(prints("ada\n1000\n1001\naarch64\nUbuntu 22.04\n")), address=ADA, uid=1000, gid=1001)
    assert (finding.outcome, finding.detail) == ("ok", "ada (1000:1001), Ubuntu 22.04, aarch64")
    assert finding.data == {"user": "ada", "uid": 1000, "gid": 1001, "architecture": "aarch64", "os": "Ubuntu 22.04"}


def test_root_has_uid_0_whoever_the_files_belong_to() -> None:
    assert find("identity", FakeSession(prints("root\n0\n0\nx86_64\nDebian\n")), uid=1000).outcome == "ok"


@pytest.mark.parametrize("said", ["root\n0\n0\nx86_64\nDebian\n", "ada\n1001\n1000\nx86_64\nDebian\n"])
def test_another_user_or_uid_fails(said: str) -> None:
    assert find("identity", FakeSession(prints(said)), address=ADA, uid=1000).outcome == "fail"


def test_identity_reads_a_real_system() -> None:
    finding = find("identity", FakeSession(), address=Address("127.0.0.1", 1, os.popen("id -un").read().strip()), uid=os.geteuid())
    assert (finding.outcome, finding.data["architecture"]) == ("ok", os.uname().machine)


# --- interpreter --------------------------------------------------------------------------------------------------------


def test_the_interpreter_is_the_one_of_the_build() -> None:
    finding = find("interpreter", FakeSession(prints("/opt/python\n/opt/python\n/opt/python\nPython 3.11.2\n")))
    assert (finding.outcome, finding.detail) == ("ok", "/opt/python, Python 3.11.2")
    assert finding.data == {"path": "/opt/python", "version": "3.11.2", "recorded": "/opt/python"}


@pytest.mark.parametrize(
    ("said", "outcome", "detail"),
    [
        ("\n\n\n", "skip", "no Python"),
        ("", "skip", "no Python"),
        ("/opt/python\n/usr/bin/python3\n/usr/bin/python3\nPython 3\n", "fail", "SSH finds /usr/bin/python3"),
        ("/opt/python\n\n\n", "fail", "SSH finds no Python"),
        ("\n/usr/bin/python3\n/usr/bin/python3\nPython 3\n", "fail", "the image has none"),
        ("/opt/python\n/opt/python\n/usr/bin/python3\nPython 3\n", "fail", "a login shell finds /usr/bin/python3"),
    ],
)
def test_an_interpreter_that_differs_says_where(said: str, outcome: str, detail: str) -> None:
    finding = find("interpreter", FakeSession(prints(said)))
    assert finding.outcome == outcome
    assert detail in finding.detail


def test_the_interpreters_script_runs_in_a_real_shell() -> None:
    """No /etc/composegen here: its empty line must not shift the others."""
    finding = find("interpreter", FakeSession())
    assert finding.outcome == "fail"
    assert finding.data["recorded"] == ""
    assert finding.data["path"] == (shutil.which("python") or shutil.which("python3"))
    assert re.fullmatch(r"3\.\d+\.\d+\S*", finding.data["version"])


# --- shared memory ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said", "outcome"),
    [
        ("1gb", "4096 262144", "ok"),
        ("1G", "4096 262144", "ok"),
        ("512mb", "4096 131072", "ok"),
        ("8gb", "4096 16384", "fail"),
        ("", "4096 16384", "ok"),
        ("67108864b", "4096 16384", "ok"),
    ],
)
def test_shared_memory_is_as_large_as_asked(asked: str, said: str, outcome: str) -> None:
    assert find("shm", FakeSession(prints(f"{said}\n")), shm=asked).outcome == outcome


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no /dev/shm on this machine")
def test_shared_memory_of_the_host_is_the_hosts() -> None:
    assert find("shm", FakeSession(), shm="host").outcome == "ok"
    assert find("shm", FakeSession(prints("4096 1\n")), shm="host").outcome == "fail"
    assert find("shm", FakeSession(prints("4096 1\n")), shm="host", local=False).outcome == "ok"


# --- supervisor ---------------------------------------------------------------------------------------------------------

XML = """<?xml version='1.0'?><methodResponse><params><param><value><struct>
<member><name>description</name><value><string>{description}</string></value></member>
<member><name>statename</name><value><string>{state}</string></value></member></struct></value></param></params></methodResponse>"""


@pytest.mark.parametrize(
    ("said", "outcome", "detail"),
    [
        (XML.format(state="RUNNING", description="pid 88, uptime 0:02:10"), "ok", "sshd RUNNING, pid 88, uptime 0:02:10"),
        (
            XML.format(state="RUNNING", description="pid 8, uptime 3 days, 0:02:10"),
            "ok",
            "sshd RUNNING, pid 8, uptime 3 days, 0:02:10",
        ),
        ("sshd      RUNNING   pid 9, uptime 1:00:00\n", "ok", "sshd RUNNING, pid 9, uptime 1:00:00"),
        (XML.format(state="FATAL", description="Exited too quickly"), "fail", "supervisor says sshd is FATAL"),
        ("sshd   BACKOFF   Exited too quickly\n", "fail", "supervisor says sshd is BACKOFF"),
        (
            "unix:///run/supervisor.sock no such file\n",
            "fail",
            "supervisor does not answer: unix:///run/supervisor.sock no such file",
        ),
        ("", "fail", "supervisor does not answer: "),
    ],
)
def test_supervisors_view_of_sshd(said: str, outcome: str, detail: str) -> None:
    finding = find("supervisor", FakeSession(prints(said)))
    assert (finding.outcome, finding.detail) == (outcome, detail)


def test_under_tini_there_is_no_supervisor_to_ask() -> None:
    finding = find("supervisor", FakeSession(prints("")), init="tini")
    assert (finding.outcome, finding.detail) == ("skip", "sshd runs under tini")


# --- the framework's own check ------------------------------------------------------------------------------------------


def test_the_frameworks_check_is_run_for_real_and_its_proof_shown() -> None:
    check = Check("print('noise'); print('The result of \"1\" + \\'2\\' is correct'); print('$HOME')", "is correct")
    finding = find("framework", FakeSession(), check=check)
    assert (finding.outcome, finding.detail) == ("ok", "The result of \"1\" + '2' is correct")


def test_a_check_that_fails_shows_the_end_of_what_it_said() -> None:
    check = Check("print(*range(100), sep='\\n'); import composegen_has_no_such_module", "is correct")
    finding = find("framework", FakeSession(), check=check)
    assert finding.outcome == "fail"
    assert "No module named 'composegen_has_no_such_module'" in finding.detail
    assert "\n50\n" not in finding.detail
    assert finding.hint.startswith("in the container: python -c ")


def test_a_check_that_says_it_works_and_then_crashes_fails() -> None:
    assert (
        find("framework", FakeSession(), check=Check("print('fine', flush=True); import os; os.abort()", "fine")).outcome == "fail"
    )


def test_a_check_leaves_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert find("framework", FakeSession(), check=Check("open('rank_0', 'w'); print('fine')", "fine")).outcome == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_check_that_cannot_run_says_why() -> None:
    assert find("framework", FakeSession()).detail == "this stack has no framework"
    no_gpu = find("framework", FakeSession(), check=Check("", ""), device="gpu", gpus="")
    assert (no_gpu.outcome, "needs a GPU" in no_gpu.detail) == ("skip", True)


# --- files --------------------------------------------------------------------------------------------------------------


def test_sftp_goes_there_and_back_and_leaves_nothing() -> None:
    session = FakeSession()
    assert find("sftp", session).outcome == "ok"
    assert session.files == {}


def test_a_file_that_comes_back_changed_fails_and_is_removed() -> None:
    session = FakeSession(spoil=lambda content: content[:-1])
    assert find("sftp", session).outcome == "fail"
    assert session.files == {}


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "co de"
    folder.mkdir()
    return folder


def mounted(folder: Path) -> Callable[[str], Result]:
    """Scripts see `folder` as /home/code, as in a container that mounts it."""
    return lambda script: on_this_machine(script.replace(CODE_TARGET, f"'{folder}'"))


@pytest.mark.parametrize("name", ["code-read", "code-write"])
def test_the_code_volume_is_the_folder_and_nothing_is_left_in_it(code: Path, name: str) -> None:
    finding = find(name, FakeSession(mounted(code)), code_dir=code, address=ADA, uid=os.geteuid())
    assert (finding.outcome, finding.data) == ("ok", {"owner": f"{os.geteuid()}:{os.getegid()}"})
    assert list(code.iterdir()) == []


@pytest.mark.parametrize("name", ["code-read", "code-write"])
def test_another_folder_in_the_container_fails(code: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "other").mkdir()
    finding = find(name, FakeSession(mounted(tmp_path / "other")), code_dir=code)
    assert (finding.outcome, "is not in" in finding.detail) == ("fail", True)
    assert list(code.iterdir()) == list((tmp_path / "other").iterdir()) == []


def test_a_folder_that_does_not_let_the_user_in_is_not_taken_for_another(code: Path) -> None:
    refusing = FakeSession(lambda script: Result(1, "", "cat: /home/code/x: Permission denied\n"))
    finding = find("code-read", refusing, code_dir=code)
    assert (finding.outcome, "USER_UID" in finding.hint, "CODE_DIR" in finding.hint) == ("fail", True, False)


@pytest.mark.parametrize("name", ["code-read", "code-write"])
def test_an_owner_that_the_engine_maps_fails(code: Path, name: str) -> None:
    def mapping(script: str) -> Result:
        result = mounted(code)(script)
        return Result(result.status, re.sub(r"\b\d+:\d+\b", "65534:65534", result.stdout), result.stderr)

    finding = find(name, FakeSession(mapping), code_dir=code)
    assert (finding.outcome, "65534:65534" in finding.detail, bool(finding.hint)) == ("fail", True, True)
    assert list(code.iterdir()) == []


def test_files_that_do_not_belong_to_the_caller_fail(code: Path) -> None:
    finding = find("code-write", FakeSession(mounted(code)), code_dir=code, address=ADA, uid=os.geteuid() + 1)
    assert (finding.outcome, f"not to uid {os.geteuid() + 1}" in finding.detail) == ("fail", True)


@pytest.mark.parametrize("name", ["code-read", "code-write"])
def test_a_code_folder_that_is_not_there_or_not_here(code: Path, name: str) -> None:
    assert find(name, FakeSession(), code_dir=code / "missing").outcome == "fail"
    assert find(name, FakeSession(), code_dir=None).outcome == "skip"


def test_a_code_folder_that_cannot_be_written_says_so(code: Path) -> None:
    proc = Path("/proc/self/fdinfo")  # where not even root makes files
    if not proc.is_dir():
        pytest.skip("no /proc on this machine")
    finding = find("code-read", FakeSession(mounted(code)), code_dir=proc)
    assert (finding.outcome, finding.detail.startswith("cannot write into /proc/self/fdinfo")) == ("fail", True)


# --- nonsense -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in names() if name not in ("banner", "login-key", "login-password")])
@pytest.mark.parametrize("said", ["", "\0", "garbage\n" * 3, "�" * 100], ids=["nothing", "nul", "lines", "binary"])
def test_nonsense_from_the_container_is_a_finding_and_not_a_crash(name: str, said: str, code: Path) -> None:
    expected = replace(TARGET, gpus="all", check=Check("x", "y"), compute="x", shm="1gb", code_dir=code)
    for status in (0, 1):
        (finding,) = run(expected, probes=[probe(name)], session=FakeSession(prints(said, status))).findings
        assert "the probe itself is broken" not in finding.detail, finding.detail
    assert list(code.iterdir()) == []


def test_scripts_are_posix_shell() -> None:
    """Not every image's sh is bash."""
    scripts: list[str] = []

    def note(script: str) -> Result:
        scripts.append(script)
        return Result(1, "", "")

    run(replace(TARGET, gpus="all", check=Check("x", "y"), compute="x", code_dir=Path("/tmp")), session=FakeSession(note))
    for script in scripts:
        done = subprocess.run(["dash" if shutil.which("dash") else "sh", "-n", "-c", script], capture_output=True, text=True)
        assert done.returncode == 0, f"{script}\n{done.stderr}"
    assert len(scripts) >= 9
