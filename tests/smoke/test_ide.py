"""Ready for IDEs: the probes on each system and each shortage, and the data that they are held against."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from composegen import smoke
from composegen.errors import SshError
from composegen.model import Finding, ides
from composegen.smoke.startup import BLAME, MARK, UNREAD
from composegen.ssh import Result
from tests.smoke.fakes import FakeDoor, FakeSession, find, prints

# --- libraries ----------------------------------------------------------------------------------------------------------


FORKS = "VS Code, Cursor and Windsurf"
ALL = "VS Code, Cursor, Windsurf and JetBrains IDEs"
EVERY = "current versions of VS Code, Cursor, Windsurf, JetBrains IDEs and Zed"


@pytest.mark.parametrize(
    ("said", "outcome", "seen", "good_for"),
    [
        ("glibc 2.36\n30\n", "ok", "glibc 2.36, libstdc++ 3.4.30", EVERY),
        ("glibc 2.28\n25\n", "ok", "glibc 2.28, libstdc++ 3.4.25", EVERY),
        ("glibc 2.27\n25\n", "ok", "glibc 2.27, libstdc++ 3.4.25", f"current versions of Zed, older ones of {ALL}"),
        (
            "glibc 2.28\n24\n",
            "ok",
            "glibc 2.28, libstdc++ 3.4.24",
            f"current versions of JetBrains IDEs and Zed, older ones of {FORKS}",
        ),
        (
            "glibc 2.17\n19\n",
            "fail",
            "glibc 2.17, libstdc++ 3.4.19",
            f"current versions of Zed, older ones of {FORKS}, none of JetBrains IDEs",
        ),
        ("musl 1.2.5\n32\n", "fail", "musl 1.2.5, libstdc++ 3.4.32", f"current versions of Zed, none of {ALL}"),
        ("glibc 2.36\n\n", "fail", "glibc 2.36, no libstdc++", f"current versions of JetBrains IDEs and Zed, none of {FORKS}"),
        ("unknown\n\n", "fail", "unknown, no libstdc++", f"current versions of Zed, none of {ALL}"),
    ],
)
def test_each_system_says_which_ides_run_there(said: str, outcome: str, seen: str, good_for: str) -> None:
    finding = find("ide-libc", FakeSession(prints(said)))
    assert (finding.outcome, finding.detail) == (outcome, f"{seen}: good for {good_for}")
    assert bool(finding.hint) is (good_for != EVERY)


def test_what_says_nothing_of_libraries_is_not_understood() -> None:
    assert find("ide-libc", FakeSession(prints("welcome to this machine\n"))).outcome == "fail"


def test_an_old_system_says_which_versions_still_work_and_what_to_take_instead() -> None:
    finding = find("ide-libc", FakeSession(prints("glibc 2.27\n25\n")), newer=lambda glibc: f"something with {glibc}")
    assert finding.hint.splitlines() == [
        "VS Code: 1.98 and older",
        "Cursor: older than 1.4.3",
        "Windsurf: built on VS Code 1.98 or older (Help, About)",
        "JetBrains IDEs: 2023.2; newer ones are not confirmed",
        "current ones need glibc 2.28: something with 2.28",
    ]
    assert finding.data["ides"]["Zed"] == "current"
    unknown = find("ide-libc", FakeSession(prints("glibc 2.27\n25\n")))
    assert unknown.hint.endswith("current ones need glibc 2.28: a base image of Ubuntu 20.04, Debian 10 or newer")


def test_a_library_that_apt_brings_is_no_reason_for_another_image() -> None:
    finding = find("ide-libc", FakeSession(prints("glibc 2.36\n\n")), newer=lambda glibc: "another image")
    assert finding.hint == "libstdc++6 in apt.txt; the next `composegen up` builds it in"


@pytest.mark.parametrize(
    ("banner", "hint"), [("OpenSSH_7.6p1", "7.6"), ("OpenSSH_7.9p1", ""), ("OpenSSH_10.0", ""), ("dropbear", "")]
)
def test_an_older_openssh_than_toolbox_recommends_is_a_remark(banner: str, hint: str) -> None:
    finding = find("ide-libc", FakeSession(prints("glibc 2.36\n30\n"), banner=f"SSH-2.0-{banner}"))
    assert finding.outcome == "ok"
    assert finding.hint == (f"JetBrains Toolbox recommends OpenSSH 7.9 or later, and this is {hint}" if hint else "")


def test_the_libraries_of_a_real_system_are_found() -> None:
    finding = find("ide-libc", FakeSession())
    assert (finding.outcome, finding.data["libc"]) == ("ok", "glibc")
    assert finding.data["libstdcxx"].startswith("3.4.")


def test_the_ranges_of_an_ide_go_from_the_newest_to_the_oldest_and_name_their_source() -> None:
    for ide in {each.ide for each in ides.RANGES}:
        own = [each for each in ides.RANGES if each.ide == ide]
        assert [bool(each.versions) for each in own] == [False, *[True] * (len(own) - 1)]
        assert all(ides.reaches(newer.glibc or "9", older.glibc) for newer, older in itertools.pairwise(own))
    assert all(each.source for each in (*ides.RANGES, *ides.RESOURCES))


# --- tools --------------------------------------------------------------------------------------------------------------


def with_tools(*missing: str) -> FakeSession:
    """Every tool is there but these."""
    names = {name for tools in (*ides.TOOLS.values(), *ides.GOOD_TOOLS.values()) for tool in tools for name in tool.split("|")}
    return FakeSession(prints("".join(f"{name}\n" for name in sorted(names - set(missing))) + "\n"))


@pytest.mark.parametrize(
    ("missing", "outcome", "detail", "package"),
    [
        ((), "ok", "tools that IDEs call", ""),
        (("curl",), "ok", "tools that IDEs call", ""),
        (("wget",), "ok", "tools that IDEs call", ""),
        (("curl", "wget"), "fail", "IDEs call what is not there: curl or wget", "curl"),
        (("ps", "pgrep", "flock"), "fail", "IDEs call what is not there: pgrep, ps, flock", "procps util-linux"),
        (("unzip",), "ok", "all but unzip, which some plugins and extensions unpack with", "unzip"),
        (("unzip", "tar"), "fail", "IDEs call what is not there: tar", "tar unzip"),
    ],
)
def test_each_missing_tool_is_told_with_its_package(missing: tuple[str, ...], outcome: str, detail: str, package: str) -> None:
    finding = find("ide-tools", with_tools(*missing))
    assert (finding.outcome, detail in finding.detail) == (outcome, True)
    assert finding.hint == (f"{package} in apt.txt; the next `composegen up` builds it in" if package else "")


def test_the_tools_are_looked_for_by_a_real_shell() -> None:
    seen = find("ide-tools", FakeSession())
    assert not {"bash", "sed", "ldconfig"} & set(seen.data["missing"])


# --- what shells do first -----------------------------------------------------------------------------------------------

LOGIN = f"{MARK}\nLinux x86_64\n{UNREAD}\n"
SCRIPT = f"{MARK}\nLinux x86_64\n"


def shells(login: str = LOGIN, script: str = SCRIPT, status: int = 0) -> Callable[[str], Result]:
    """What the two ways say."""
    return lambda asked: Result(status, script if asked.startswith("echo") else login, "")


class Shells(FakeSession):
    """Tells its two ways apart: the login shell is a command, whose standard input is not a script."""

    def run(self, command: str, *, timeout: float = 30.0, stdin: bytes | Iterable[bytes] = b"") -> Result:
        script = stdin if isinstance(stdin, bytes) else b"".join(stdin)
        return self.answer(script.decode() if command == "bash" else command)


def shell(login: str = LOGIN, script: str = SCRIPT, status: int = 0, blamed: str = "/bin/bash\n") -> Finding:
    return find("ide-shell", Shells(shells(login, script, status)), door=FakeDoor({"bash -c": blamed}))


def test_shells_that_say_what_they_are_asked_are_fine() -> None:
    assert shell().outcome == "ok"


@pytest.mark.parametrize(
    ("login", "script", "detail"),
    [
        (f"welcome\n{LOGIN}", SCRIPT, "a login shell ($SHELL -lc) prints 'welcome' first"),
        (SCRIPT, SCRIPT, "a login shell ($SHELL -lc) has files that read from standard input, which is the IDE's"),
        ("", SCRIPT, "a login shell ($SHELL -lc) runs nothing, and ends with status 0"),
        ("This account is currently not available.\n", SCRIPT, "a login shell ($SHELL -lc) runs nothing: it says 'This account is"),
        (f"{LOGIN}bye\n", SCRIPT, "a login shell ($SHELL -lc) prints 'bye' afterwards"),
        (LOGIN, f"hello\n{SCRIPT}", "bash with its script on standard input prints 'hello' first"),
        (LOGIN, "Linux x86_64\n", "bash with its script on standard input runs nothing: it says 'Linux x86_64'"),
        (LOGIN, f"{SCRIPT}bye\n", "bash with its script on standard input prints 'bye' afterwards"),
    ],
)
def test_what_an_ide_would_stumble_over_is_told(login: str, script: str, detail: str) -> None:
    finding = shell(login, script)
    assert finding.outcome == "fail"
    assert finding.detail.startswith(detail)
    assert "~/.bashrc, ~/.profile or a file in /etc/profile.d" in finding.hint


def test_the_file_at_fault_is_named() -> None:
    finding = shell(f"welcome\n{LOGIN}", blamed="/bin/bash\n/etc/profile.d/motd.sh\n")
    assert finding.detail == "a login shell ($SHELL -lc) prints 'welcome' first; at fault is /etc/profile.d/motd.sh"
    assert finding.data["file"] == "/etc/profile.d/motd.sh"


def test_a_shell_that_lets_nobody_in_is_named() -> None:
    finding = shell("", "", 1, blamed="/usr/sbin/nologin\n")
    assert "the login shell is /usr/sbin/nologin: `usermod -s /bin/bash root` in the container" in finding.hint


def test_a_shell_that_never_comes_to_its_end_is_cut_off() -> None:
    def hang(asked: str) -> Result:
        raise SshError("no end of `$SHELL -lc …` within 10 s on 127.0.0.1:1", hint=None)

    finding = find("ide-shell", Shells(hang))
    assert (finding.outcome, finding.detail) == ("fail", "a login shell ($SHELL -lc) does not come to its end within 10 s")


@pytest.mark.parametrize("line", ["echo hi", "exit", "exit 3", "exec sh", "read -r answer", "sleep 9", "cat >/dev/null"])
def test_the_file_at_fault_is_found_by_a_real_bash(line: str, tmp_path: Path) -> None:
    (tmp_path / ".profile").write_text(". ~/.bashrc\n")
    (tmp_path / ".bashrc").write_text(f"true\n{line}\n")
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", BLAME], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[1:] == [f"{tmp_path}/.bashrc"]


# --- CPU, memory, disk --------------------------------------------------------------------------------------------------

GIB = 1024**2  # in kB, as /proc/meminfo and df say it


def machine(cores: int = 8, quota: str = "max 100000", memory: int = 16 * GIB, limit: str = "max", disk: int = 50 * GIB) -> Finding:
    said = f"{cores}\n{quota}\n{memory}\n{limit}\noverlay 1 2 {disk} 9% /var/lib/ide\n"
    return find("ide-resources", FakeSession(prints(said)))


def test_a_machine_with_enough_is_fine_and_says_what_it_has() -> None:
    finding = machine()
    assert (finding.outcome, finding.hint) == ("ok", "")
    assert finding.detail == "8 CPU cores, 17.2 GB of memory, 53.7 GB of free disk"


@pytest.mark.parametrize(
    ("found", "outcome", "hint"),
    [
        (machine(cores=2), "ok", "JetBrains IDEs: 4 CPU cores are recommended"),
        (machine(quota="150000 100000"), "ok", "JetBrains IDEs: at least 2 CPU cores"),
        (machine(quota="-1 100000", limit="9223372036854771712"), "ok", ""),
        (machine(memory=2 * GIB), "ok", "JetBrains IDEs: at least 4 GB of memory"),
        (machine(limit=str(1500 * 10**6)), "ok", "VS Code: 2 GB of memory are recommended"),
        (machine(disk=3 * GIB), "ok", "JetBrains IDEs: at least 5 GB of free disk"),
        (machine(quota="50000 100000"), "fail", "VS Code: at least 1 CPU cores"),
        (machine(limit=str(512 * 1024**2)), "fail", "VS Code: at least 1 GB of memory"),
        (machine(disk=1000), "fail", "VS Code: at least 0.5 GB of free disk"),
    ],
)
def test_each_shortage_is_said_and_fails_only_where_no_ide_has_enough(found: Finding, outcome: str, hint: str) -> None:
    assert (found.outcome, hint in found.hint) == (outcome, True)
    assert bool(hint) is bool(found.hint)
    assert ("too little" in found.detail) is (outcome == "fail")


def test_the_resources_of_a_real_machine_are_read() -> None:
    finding = find("ide-resources", FakeSession())
    assert finding.data["cores"] >= 0.1 and finding.data["memory"] > 0.1 and finding.data["disk"] > 0


# --- watching files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "outcome", "detail", "hint"),
    [
        ("1048576\n128\nseen\n", "ok", "a change in /home/code is reported; fs.inotify.max_user_watches is 1048576", ""),
        ("524288\n128\nseen\n", "ok", "is reported", "vendors recommend 1048576 (JetBrains IDEs): on the host"),
        ("8192\n128\nseen\n", "ok", "is reported", "vendors recommend 1048576 (JetBrains IDEs) and 524288 (VS Code): on the host"),
        ("1048576\n128\n", "ok", "no Python here, or no right, to try a watch; fs.inotify", ""),
        ("1048576\n128\nnot seen\n", "fail", "a file made in /home/code is not reported", "network file systems"),
        (
            "8192\n128\nNo space left on device (watch)\n",
            "fail",
            "no inotify watch can be had: No space left",
            "max_user_watches=1048576",
        ),
        ("8192\n128\nToo many open files (instance)\n", "fail", "no inotify instance can be had", "max_user_instances=1024"),
        ("cat: no such file\n", "fail", "an answer that cannot be understood", ""),
    ],
)
def test_watches_are_tried_and_counted(said: str, outcome: str, detail: str, hint: str) -> None:
    finding = find("ide-watches", FakeSession(prints(said)))
    assert (finding.outcome, detail in finding.detail, hint in finding.hint) == (outcome, True, True)
    assert outcome == "fail" or bool(hint) is bool(finding.hint)


# --- the group ----------------------------------------------------------------------------------------------------------


def test_the_group_has_what_ides_need_of_ssh_as_well() -> None:
    own = [name for name in smoke.names() if name.startswith("ide-")]
    assert [probe.name for probe in smoke.select(only=["ide"])] == ["sftp", "forward", *own]
    assert not {"sftp", "forward", *own} & {probe.name for probe in smoke.select(without=["ide"])}
    assert [probe.name for probe in smoke.select(only=["ide"], without=["sftp", "ide-watches"])] == ["forward", *own[:-1]]
