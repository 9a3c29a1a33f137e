"""`ssh composegen-NAME`: what the real client reads, and what is left of a user's `~/.ssh/config`."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composegen.errors import SshError, UsageError
from composegen.ssh import Address, KnownHosts, config_file
from composegen.ssh.alias import Alias, include_line, included, publish, published, withdraw
from tests.ssh.servers import Sshd, new_key, public

ROOT = os.geteuid() == 0


@pytest.fixture
def home(tmp_path: Path, config: Path) -> Path:
    """A home with a `.ssh` in it, and composegen's configuration directory beside it."""
    (tmp_path / "home" / ".ssh").mkdir(mode=0o700, parents=True)
    return tmp_path / "home"


def alias(name: str = "x", port: int = 2222, folder: Path = Path("/keys")) -> Alias:
    return Alias(name, Address("127.0.0.1", port, "dev"), folder / "id_ed25519", folder / "known_hosts")


def written(home: Path, content: bytes, mode: int = 0o600) -> Path:
    path = home / ".ssh" / "config"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def ssh(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """ssh takes the home from the password database, so the file is named."""
    argv = ["ssh", "-F", str(home / ".ssh" / "config"), *arguments]
    return subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)


def read_by_ssh(home: Path, host: str = "composegen-x") -> dict[str, str]:
    """What `ssh HOST` would use. An identity file is the first of several."""
    done = ssh(home, "-G", host)
    assert done.returncode == 0, done.stderr
    return dict(reversed([line.split(" ", 1) for line in done.stdout.splitlines() if " " in line]))


def is_reached(home: Path, name: str = "x", port: int = 2222) -> None:
    said = read_by_ssh(home, f"composegen-{name}")
    wanted = {"hostname": "127.0.0.1", "port": str(port), "user": "dev", "identityfile": "/keys/id_ed25519"}
    assert {key: said.get(key) for key in wanted} == wanted
    assert not {"proxyjump", "proxycommand", "remotecommand", "controlpath"} & said.keys()


def tree(folder: Path) -> dict[str, tuple[int, bytes | str | None]]:
    """Every path below: mode, and content or target."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            str(path.readlink()) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in sorted(folder.rglob("*"))
    }


# --- What ssh reads --------------------------------------------------------------------------------------------------------


def test_the_client_reads_what_the_alias_says(home: Path) -> None:
    publish(alias(), home=home, include=True)
    is_reached(home)
    said = read_by_ssh(home)
    wanted = {
        "identitiesonly": "yes",
        "userknownhostsfile": "/keys/known_hosts",
        "globalknownhostsfile": "/dev/null",
        "stricthostkeychecking": "true",
        "updatehostkeys": "false",
        "serveraliveinterval": "30",
        "forwardagent": "no",
    }
    assert {key: said[key] for key in wanted} == wanted


EARLIER = {
    "Host *": "Host *\n  User bob\n  Port 1\n  HostName example.org\n  ProxyJump gateway\n  ForwardAgent yes\n  RequestTTY force\n"
    "  StrictHostKeyChecking no\n  ControlMaster auto\n  ControlPath ~/.ssh/%h\n  RemoteCommand false\n  IdentityFile ~/.ssh/id\n",
    "ProxyCommand": "Host composegen-*\n  ProxyCommand nc gateway 22\n",
    "Match": "Match all\n  User bob\n  Port 1\n  ProxyJump gateway\n",
    "Match exec": 'Match exec "true"\n  User bob\n',
    "Match final": "Match final all\n  User bob\n  Port 1\nHost 127.0.0.1\n  ProxyJump gateway\n",
    "no block": "User bob\nPort 1\n",
    "canonical": "CanonicalizeHostname always\nHost *\n  User bob\n",
    "last block": "User carol\nHost other\n  User bob",
}


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("earlier", EARLIER.values(), ids=EARLIER)
def test_nothing_that_stood_first_captures_the_alias(home: Path, earlier: str, ends: str) -> None:
    path = written(home, earlier.replace("\n", ends).encode())
    before = read_by_ssh(home, "other")
    publish(alias(), home=home, include=True)
    is_reached(home)
    assert read_by_ssh(home, "other") == before
    assert path.read_bytes().endswith(earlier.replace("\n", ends).encode())
    assert path.read_bytes().count(b"\r\n") in (0, path.read_bytes().count(b"\n"))  # one kind of line end, as before


def test_ssh_logs_in(home: Path, sshd: Sshd, tmp_path: Path) -> None:
    known = KnownHosts(tmp_path / "a 100% known folder" / "known_hosts")
    known.remember(sshd.address, sshd.host_key)
    written(home, EARLIER["Host *"].encode())
    publish(Alias("x", sshd.address, sshd.key, known.path), home=home, include=True)
    done = ssh(home, "composegen-x", "echo hello")
    assert (done.returncode, done.stdout, done.stderr) == (0, "hello\n", "")

    known.remember(sshd.address, public(new_key(tmp_path, "other")))
    assert "Host key verification failed" in ssh(home, "composegen-x", "true").stderr


def test_another_container_that_has_the_port_by_now_is_not_taken_for_ours(home: Path, sshd: Sshd, tmp_path: Path) -> None:
    known, ours = KnownHosts(tmp_path / "known_hosts"), replace(sshd.address, host_key_alias="composegen-x")
    known.remember(ours, public(new_key(tmp_path, "ours")))
    publish(Alias("x", ours, sshd.key, known.path), home=home, include=True)
    known.remember(replace(sshd.address, host_key_alias="composegen-y"), sshd.host_key)
    done = ssh(home, "composegen-x", "echo hello")
    assert (done.stdout, "Host key verification failed" in done.stderr) == ("", True)

    known.remember(ours, sshd.host_key)
    assert ssh(home, "composegen-x", "echo hello").stdout == "hello\n"


@pytest.mark.parametrize("odd", ["two words", "100%h", "a*b", "a[b]?c", "it's", "$HOME #1", "größe"])
def test_a_configuration_directory_with_odd_characters_is_found(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / odd))
    publish(alias(folder=tmp_path / odd), home=home, include=True)
    said = read_by_ssh(home)
    assert said["user"] == "dev"
    assert said["userknownhostsfile"] == str(tmp_path / odd / "known_hosts")
    assert said["identityfile"].replace("%%", "%") == str(tmp_path / odd / "id_ed25519")  # printed before tokens are expanded
    assert included(home)
    withdraw("x", home=home)
    assert tree(home) == {".ssh": ((home / ".ssh").stat().st_mode, None)}


def test_the_line_has_no_token_that_a_newer_client_would_expand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Newer ones expand % tokens in an Include; to OpenSSH 9.2, %% would be two characters."""
    monkeypatch.setenv("XDG_CONFIG_HOME", "/a 100%h/[b]*")
    assert include_line() == 'Include "/a 100?h/[[]b][*]/composegen/ssh_config"'


@pytest.mark.parametrize("odd", ['a"b', "a\\b", "${HOME}", "a\nb"])
def test_a_path_that_ssh_cannot_read_is_refused(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, odd: str) -> None:
    with pytest.raises(SshError, match="cannot be written in an ssh_config"):
        publish(alias(folder=tmp_path / odd), home=home, include=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / odd))
    with pytest.raises(SshError, match="cannot be written in an ssh_config"):
        publish(alias(), home=home, include=True)
    assert not withdraw("x", home=home)
    assert (published(), included(home), list((home / ".ssh").iterdir())) == ((), False, [])


@pytest.mark.parametrize("name", ["", "X", "a b", "a\n", "*", "../x", "-x"])
def test_a_name_that_is_no_project_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        alias(name)


@pytest.mark.parametrize(
    ("host", "user"), [("h\n", "u"), ("h x", "u"), ("", "u"), ("h", "u\nProxyCommand sh"), ("h", "a b"), ("h", "%u")]
)
def test_what_would_be_more_than_a_host_or_user_is_refused(host: str, user: str) -> None:
    with pytest.raises(UsageError, match="ssh_config"):
        Alias("x", Address(host, 22, user), Path("/i"), Path("/k"))


@pytest.mark.parametrize("host", ["::1", "fe80::1%eth0", "gpu-1.example.org"])
def test_other_hosts_arrive_as_they_are(home: Path, host: str) -> None:
    publish(Alias("x", Address(host, 22, "dev"), Path("/i"), Path("/k")), home=home, include=True)
    assert read_by_ssh(home)["hostname"] == host


# --- The four ways in which envd breaks ~/.ssh/config --------------------------------------------------------------------------


def test_a_link_stays_a_link_and_what_it_points_to_keeps_its_mode(home: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles" / "ssh-config"
    target.parent.mkdir()
    target.write_bytes(b"Host a\n  User b\n")
    target.chmod(0o640)
    (home / ".ssh" / "config").symlink_to("../../dotfiles/ssh-config")
    publish(alias(), home=home, include=True)
    is_reached(home)
    assert (home / ".ssh" / "config").readlink() == Path("../../dotfiles/ssh-config")
    assert target.stat().st_mode & 0o777 == 0o640
    withdraw("x", home=home)
    assert (home / ".ssh" / "config").is_symlink()
    assert target.read_bytes() == b"Host a\n  User b\n"
    assert [path.name for path in target.parent.iterdir()] == ["ssh-config"]


def test_a_match_block_behind_survives_the_withdrawal(home: Path) -> None:
    content = b'Host a\n  User b\n\nMatch host *.lab exec "true"\n  User c\n'
    path = written(home, content)
    publish(alias(), home=home, include=True)
    assert read_by_ssh(home, "x.lab")["user"] == "c"
    withdraw("x", home=home)
    assert path.read_bytes() == content


def test_trailing_comments_survive(home: Path) -> None:
    content = b"Host a # mine\n  User b # me\n\n# the end,\n#   without a line end"
    path = written(home, content)
    publish(alias(), home=home, include=True)
    assert path.read_bytes().endswith(content)
    withdraw("x", home=home)
    assert path.read_bytes() == content


def test_an_earlier_host_star_does_not_win(home: Path) -> None:
    written(home, b"Host *\n  User root\n  Port 22\n  HostName elsewhere\n")
    publish(alias(), home=home, include=True)
    is_reached(home)


# --- Two files and what is in them -----------------------------------------------------------------------------------------


def test_every_project_has_its_block_and_the_last_publication_counts(home: Path, config: Path) -> None:
    for name, port in (("x", 2222), ("xy", 2223), ("x-y", 2224), ("x", 2225)):
        publish(alias(name, port), home=home, include=True)
    assert published() == ("x", "xy", "x-y")
    for name, port in (("x", 2225), ("xy", 2223), ("x-y", 2224)):
        is_reached(home, name, port)
    assert (config / "ssh_config").stat().st_mode & 0o777 == 0o600
    assert (home / ".ssh" / "config").stat().st_mode & 0o777 == 0o600
    assert (home / ".ssh" / "config").read_bytes().count(b"Include") == 1

    assert withdraw("x", home=home)
    assert not withdraw("x", home=home)
    assert published() == ("xy", "x-y")
    is_reached(home, "xy", 2223)
    assert read_by_ssh(home, "composegen-x")["hostname"] == "composegen-x"


def test_the_same_publication_twice_changes_nothing(home: Path, config: Path) -> None:
    publish(alias(), home=home, include=True)
    before = tree(home), tree(config)
    publish(alias(), home=home, include=True)
    assert (tree(home), tree(config)) == before


def test_the_last_one_takes_everything_away(home: Path, config: Path) -> None:
    before = tree(home)
    publish(alias("a"), home=home, include=True)
    publish(alias("b"), home=home, include=True)
    assert withdraw("a", home=home)
    assert included(home)
    assert withdraw("b", home=home)
    assert (tree(home), published(), included(home)) == (before, (), False)
    assert not (config / "ssh_config").exists()


def test_a_withdrawal_of_nothing_makes_nothing(home: Path, config: Path) -> None:
    assert not withdraw("x", home=home)
    assert not config.exists()
    assert published() == ()


def test_without_leave_the_users_file_is_not_touched(home: Path, config: Path) -> None:
    path = written(home, b"Host a\n")
    publish(alias(), home=home, include=False)
    assert (path.read_bytes(), included(home), published()) == (b"Host a\n", False, ("x",))
    assert "Port 2222" in (config / "ssh_config").read_text()


def test_what_the_user_wrote_behind_our_line_stays(home: Path) -> None:
    publish(alias(), home=home, include=True)
    path = home / ".ssh" / "config"
    written(home, path.read_bytes() + b"Host a\n")
    withdraw("x", home=home)
    assert path.read_bytes() == b"Host a\n"


def test_our_line_that_slid_into_a_block_goes_back_to_the_top(home: Path) -> None:
    publish(alias(), home=home, include=True)
    path = home / ".ssh" / "config"
    written(home, b"Host a\n  User b\n" + path.read_bytes())
    assert not included(home)
    publish(alias(), home=home, include=True)
    is_reached(home)
    assert path.read_bytes().count(b"Include") == 1
    withdraw("x", home=home)
    assert path.read_bytes() == b"Host a\n  User b\n"


PASTED: tuple[Callable[[Path], str], ...] = (
    lambda config: include_line(),
    lambda config: f"include={config}/ssh_config",
    lambda config: f"\tInclude config.d/* {config}/*",
    lambda config: f'INCLUDE "{config.parent}/*/ssh_config"',
    lambda config: "Include ../../config/composegen/ssh_config",
    lambda config: "Include ~/../config/composegen/ssh_config",
)


@pytest.mark.parametrize("pasted", PASTED)
def test_a_line_of_the_users_own_counts_and_stays(home: Path, config: Path, pasted: Callable[[Path], str]) -> None:
    content = f"User bob\n{pasted(config)}\nHost a\n".encode()
    path = written(home, content)
    assert included(home)
    publish(alias(), home=home, include=True)
    assert path.read_bytes() == content
    withdraw("x", home=home)
    assert path.read_bytes() == content
    assert ssh(home, "-G", "a").returncode == 0  # a missing file is no mistake of an Include


@pytest.mark.parametrize("line", ["# Include {}", "Host a\nInclude {}", "Match all\n  Include {}", "Includes {}", "Include {}x"])
def test_a_line_that_does_not_count_is_not_taken_for_one(home: Path, config: Path, line: str) -> None:
    written(home, line.format(config / "ssh_config").encode())
    assert not included(home)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\r\n",
        b"Host a\r\n  User b\r\n",
        b"Host a\n  User b",
        b"# caf\xe9\n",
        b"\xef\xbb\xbfHost a\n",
        b"\0\xff",
        b"a\rb",
    ],
)
def test_any_bytes_come_back(home: Path, content: bytes) -> None:
    path = written(home, content, 0o644)
    publish(alias(), home=home, include=True)
    assert path.read_bytes().endswith(content)
    withdraw("x", home=home)
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (content, 0o644)


LINES = st.sampled_from([b"Host *", b"Match all", config_file.MARK, config_file.MADE, b"Include x", b"\r", b" ", b"", b"#"])
ENDS = st.sampled_from([b"\n", b"\r\n", b""])
TEXTS = st.lists(st.tuples(LINES | st.binary(max_size=12), ENDS)).map(lambda lines: b"".join(b"".join(line) for line in lines))


@settings(max_examples=200, deadline=None)
@given(st.none() | TEXTS, st.lists(st.sampled_from("abc"), min_size=1, max_size=4))
def test_publish_and_withdraw_give_back_what_there_was(content: bytes | None, names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        home = Path(name)
        patch.setenv("XDG_CONFIG_HOME", str(home / "config"))
        path = home / ".ssh" / "config"
        path.parent.mkdir()
        if content is not None:
            path.write_bytes(content)
        for each in names:
            publish(alias(each), home=home, include=True)
            assert included(home)
        for each in set(names):
            assert withdraw(each, home=home)
        assert (path.read_bytes() if path.exists() else None) == content


# --- Many at once ----------------------------------------------------------------------------------------------------------


def test_processes_that_publish_at_once_lose_nothing(home: Path) -> None:
    path = written(home, b"Host a\n")
    names = [f"p{number}" for number in range(20)]
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_publish, names, [home] * 20))
        assert sorted(published()) == sorted(names)
        assert path.read_bytes().count(b"Include") == 1
        assert all(pool.map(_withdraw, names, [home] * 20))
    assert (published(), path.read_bytes()) == ((), b"Host a\n")


def _publish(name: str, home: Path) -> None:
    publish(alias(name), home=home, include=True)


def _withdraw(name: str, home: Path) -> bool:
    return withdraw(name, home=home)


def test_one_waits_for_the_other(home: Path, config: Path) -> None:
    publish(alias("a"), home=home, include=True)
    with (config / "ssh_config.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        other = threading.Thread(target=publish, args=(alias("b"),), kwargs={"home": home, "include": True})
        other.start()
        other.join(0.2)
        assert (other.is_alive(), published()) == (True, ("a",))
    other.join(10)
    assert published() == ("a", "b")


def test_an_editor_that_saves_meanwhile_is_not_overwritten(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(home, b"Host a\n")
    draft = config_file._draft

    def saved_meanwhile(change: Any, folders: Any) -> Path | None:
        if change.path == path:
            path.write_bytes(b"Host saved\n")
        return draft(change, folders)

    monkeypatch.setattr(config_file, "_draft", saved_meanwhile)
    with pytest.raises(SshError, match="changed meanwhile"):
        publish(alias(), home=home, include=True)
    assert (path.read_bytes(), published()) == (b"Host saved\n", ())
    assert [each.name for each in path.parent.iterdir()] == ["config"]


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("before", [None, b"Host a\n"])
def test_a_disk_that_fails_at_the_last_moment_leaves_everything_as_it_was(
    home: Path, config: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException, before: bytes | None
) -> None:
    publish(alias("old"), home=home, include=False)
    if before is None:
        (home / ".ssh").rmdir()
    else:
        written(home, before)
    states = tree(home), tree(config)
    replace = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if Path(target).name == "config":
            raise failure
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(SshError if isinstance(failure, OSError) else KeyboardInterrupt):
        publish(alias(), home=home, include=True)
    assert (tree(home), tree(config)) == states


# --- A ~/.ssh that is not as it should be -----------------------------------------------------------------------------------


def test_a_missing_folder_is_made_private(home: Path) -> None:
    (home / ".ssh").rmdir()
    publish(alias(), home=home, include=True)
    assert (home / ".ssh").stat().st_mode & 0o777 == 0o700
    is_reached(home)
    withdraw("x", home=home)
    assert list((home / ".ssh").iterdir()) == []


def test_a_linked_folder_is_followed(home: Path, tmp_path: Path) -> None:
    (home / ".ssh").rename(tmp_path / "elsewhere")
    (home / ".ssh").symlink_to(tmp_path / "elsewhere")
    publish(alias(), home=home, include=True)
    is_reached(home)
    assert (home / ".ssh").is_symlink()


def remade(folder: Path) -> Path:
    folder.rmdir()
    return folder


def home_without_it(folder: Path) -> Path:
    return remade(folder).parent


def hard_linked(folder: Path) -> None:
    (folder / "config").write_text("Host a\n")
    os.link(folder / "config", folder / "other-name")


def linked_into_a_read_only_folder(folder: Path) -> None:
    store = folder.parent / "store"
    store.mkdir()
    (store / "config").write_text("Host a\n")
    (folder / "config").symlink_to(store / "config")
    store.chmod(0o555)


def bound(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        here = Path.cwd()
        os.chdir(path.parent)  # the path of a socket may be 108 bytes long
        try:
            sock.bind(path.name)
        finally:
            os.chdir(here)


WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "folder read-only": (lambda folder: folder.chmod(0o500), "is read-only"),
    "folder is a file": (lambda folder: remade(folder).write_text("x"), "is not a folder"),
    "folder dangles": (lambda folder: remade(folder).symlink_to("gone"), "No such file"),
    "folder loops": (lambda folder: remade(folder).symlink_to(".ssh"), "Too many levels"),
    "config is a folder": (lambda folder: (folder / "config").mkdir(), "is a folder"),
    "config is a pipe": (lambda folder: os.mkfifo(folder / "config"), "is not a file"),
    "config is a socket": (lambda folder: bound(folder / "config"), "is not a file"),
    "config is a device": (lambda folder: (folder / "config").symlink_to("/dev/null"), "is not a file"),
    "config dangles": (lambda folder: (folder / "config").symlink_to("gone"), "No such file"),
    "config loops": (lambda folder: (folder / "config").symlink_to("config"), "Too many levels"),
    "config read-only": (lambda folder: written(folder.parent, b"Host a\n", 0o400), "is read-only"),
    "config hard-linked": (hard_linked, "several names"),
    "config in a store": (linked_into_a_read_only_folder, "store is read-only"),
    "home read-only": (lambda folder: home_without_it(folder).chmod(0o500), "is read-only"),
    "home missing": (lambda folder: home_without_it(folder).rmdir(), "No such file"),
}
if ROOT:  # only root gives files away
    WRONG |= {
        "folder of another": (lambda folder: os.chown(folder, 12345, -1), "owned by user 12345"),
        "config of another": (lambda folder: os.chown(written(folder.parent, b"Host a\n"), 12345, -1), "owned by user 12345"),
        "home of another": (lambda folder: os.chown(home_without_it(folder), 12345, -1), "owned by user 12345"),
    }


@pytest.mark.parametrize(("spoil", "said"), WRONG.values(), ids=WRONG)
def test_what_is_not_to_be_changed_is_explained_and_stays(
    home: Path, config: Path, spoil: Callable[[Path], Any], said: str
) -> None:
    publish(alias("old"), home=home, include=False)
    spoil(home / ".ssh")
    before = tree(home), tree(config)
    assert not included(home)
    with pytest.raises(SshError, match=said) as caught:
        publish(alias(), home=home, include=True)
    assert "\n" not in caught.value.message
    assert include_line() in (caught.value.hint or "")
    assert (tree(home), tree(config)) == before
    publish(alias(), home=home, include=False)  # it still can do without
    assert withdraw("x", home=home)
    assert withdraw("old", home=home)
    assert tree(home) == before[0]


@pytest.mark.skipif(not ROOT, reason="only root becomes somebody else")
def test_a_folder_that_the_caller_may_not_write_is_explained_to_anyone(tmp_path: Path) -> None:
    """Root passes every permission; this is somebody who does not."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        (home / "config").mkdir()
        for path in (home, home / "config"):
            os.chown(path, 12345, 12345)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.setgid(12345)
                os.setuid(12345)
                os.environ["XDG_CONFIG_HOME"] = str(home / "config")
                (home / ".ssh").mkdir()
                written(home, b"Host a\n", 0o000)
                with pytest.raises(SshError, match="is read-only"):
                    publish(alias(), home=home, include=True)
                assert (included(home), published()) == (False, ())
                (home / ".ssh" / "config").chmod(0o200)
                with pytest.raises(SshError, match="Permission denied"):
                    publish(alias(), home=home, include=True)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0


@pytest.mark.skipif(not ROOT, reason="only root gives files away")
def test_our_own_file_is_never_made_one_that_its_owner_cannot_read(home: Path, config: Path) -> None:
    """ssh then refuses its whole configuration, whatever the host."""
    publish(alias("old"), home=home, include=True)
    os.chown(config / "ssh_config", 12345, -1)
    before = tree(config)
    for include in (True, False):
        with pytest.raises(SshError, match="owned by user 12345"):
            publish(alias(), home=home, include=include)
    assert tree(config) == before

    for path in config.iterdir():
        path.unlink()
    os.chown(config, 12345, -1)
    with pytest.raises(SshError, match="owned by user 12345"):
        publish(alias(), home=home, include=False)
    assert tree(config) == {}  # not even a lock that its owner could not take


def test_our_own_file_is_private_again_after_somebody_opened_it(home: Path, config: Path) -> None:
    publish(alias("old"), home=home, include=True)
    (config / "ssh_config").chmod(0o666)
    assert "Bad owner or permissions" in ssh(home, "-G", "anything").stderr
    publish(alias(), home=home, include=True)
    is_reached(home)


def test_a_configuration_directory_that_is_none_is_explained(home: Path, config: Path) -> None:
    config.parent.mkdir()
    config.write_text("a file")
    with pytest.raises(SshError, match="cannot change") as caught:
        publish(alias(), home=home, include=True)
    assert "XDG_CONFIG_HOME" in (caught.value.hint or "")
    with pytest.raises(SshError):
        published()
    assert list((home / ".ssh").iterdir()) == []
