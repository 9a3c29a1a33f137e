"""`composegen ssh-keys` on a running container: at once, and nobody's work is lost."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.conftest import Work
from tests.support.cli import Cli
from tests.support.engine import Engine, free_port, tear_down, unique_name
from tests.support.ssh_client import ssh

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, engine: Engine, base_image: str) -> Iterator[Work]:
    """One running container for all tests here; each leaves the keys as they were."""
    home, project, port = tmp_path_factory.mktemp("ssh-keys"), unique_name(), free_port()
    cli = Cli(home=home / "home")
    made = Work(home / "work", project, port, cli, engine)
    new_key(home, "first")
    cli(
        *("init", "python", str(made.path), "--base", base_image, "--name", project, "--port", str(port)),
        *("--key", str(home / "first.pub")),
    ).ok()
    made("up", "--no-test").ok()
    yield made
    tear_down(engine, project)


def new_key(directory: Path, name: str) -> Path:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name}@somewhere", "-f", str(directory / name)], check=True
    )
    return directory / name


def fingerprint(key: Path) -> str:
    return subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True, text=True).stdout.split()[1]


def gets_in(work: Work, key: Path) -> bool:
    return ssh(work.port, "true", key=key).returncode == 0


def test_a_key_comes_and_goes_while_jobs_and_sessions_run_on(work: Work, tmp_path: Path) -> None:
    began, started = work.id, work.container["State"]["StartedAt"]
    first, second = work.path.parent / "first", new_key(tmp_path, "second")
    work.engine("exec", "--detach", work.project, "sleep", "987")
    rest = re.sub(r"(?s)SSH_AUTHORIZED_KEYS='.*?'", "", (work.path / ".env").read_text())
    open_session = ["ssh", "-F", "none", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR"]
    open_session += ["-oIdentitiesOnly=yes", "-oBatchMode=yes", f"-i{second}", f"-p{work.port}", "root@127.0.0.1"]

    assert not gets_in(work, second)
    shown = work("ssh-keys", "add", str(second.with_suffix(".pub")), "--dry-run").ok().stdout
    assert "+" in shown and "second@somewhere" in shown and not gets_in(work, second)
    assert fingerprint(second) in work("ssh-keys", "add", str(second.with_suffix(".pub"))).ok().stderr
    assert gets_in(work, second) and gets_in(work, first)
    with subprocess.Popen(
        [*open_session, "echo started; read -r line; echo got $line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as session:
        assert session.stdin and session.stdout and session.stdout.readline() == "started\n"
        work("ssh-keys", "remove", "second@somewhere").ok()
        assert not gets_in(work, second) and gets_in(work, first)
        session.stdin.write("word\n")
        session.stdin.close()
        assert session.stdout.read() == "got word\n"

    assert "sleep 987" in work.engine("top", work.project, "-eo", "pid,args")
    work("up").ok()
    assert not gets_in(work, second) and gets_in(work, first)
    assert (work.id, work.container["State"]["StartedAt"]) == (began, started)
    assert re.sub(r"(?s)SSH_AUTHORIZED_KEYS='.*?'", "", (work.path / ".env").read_text()) == rest, "every other byte stays"


def test_several_keys_in_several_ways(work: Work, tmp_path: Path) -> None:
    keys = [new_key(tmp_path, name) for name in ("a", "b", "c", "d")]
    public = [key.with_suffix(".pub").read_text() for key in keys]
    work.cli("ssh-keys", "add", str(work.path), stdin=public[0]).ok()
    work("ssh-keys", "add", str(keys[1].with_suffix(".pub")), public[2], "--key", str(keys[3].with_suffix(".pub"))).ok()
    assert all(gets_in(work, key) for key in keys)
    listed = {entry["fingerprint"]: entry for entry in work("ssh-keys", "list", "--json").ok().json["keys"]}
    for key in keys:
        entry = listed[fingerprint(key)]
        assert (entry["type"], entry["bits"], entry["in_env"], entry["in_container"], entry["own"]) == (
            *("ssh-ed25519", 256),
            *(True, True, False),
        )
    assert [entry["own"] for entry in listed.values()].count(True) == 1
    number = listed[fingerprint(keys[0])]["number"]
    work("ssh-keys", "remove", str(number), fingerprint(keys[1]), "c@somewhere", str(keys[3].with_suffix(".pub"))).ok()
    assert not any(gets_in(work, key) for key in keys)
    assert gets_in(work, work.path.parent / "first")


def test_the_last_key_and_composegens_own_need_a_word(work: Work) -> None:
    first = work.path.parent / "first"
    before = (work.path / ".env").read_text()
    refused = work("ssh-keys", "remove", "first@somewhere")
    assert refused.code == 1 and "the last key of a person" in refused.stderr and "--yes" in refused.stderr
    own = next(entry for entry in work("ssh-keys", "--json").ok().json["keys"] if entry["own"])
    refused = work("ssh-keys", "remove", own["fingerprint"])
    assert refused.code == 2 and "composegen's own key" in refused.stderr and "--own" in refused.stderr
    assert (work.path / ".env").read_text() == before and gets_in(work, first)

    work("ssh-keys", "remove", "first@somewhere", "--yes").ok()
    assert not gets_in(work, first)
    work("ssh-keys", "add", str(first.with_suffix(".pub"))).ok()
    work("ssh-keys", "remove", "--own").ok()
    assert gets_in(work, first) and not gets_in(work, work.cli.home / ".config/composegen/id_ed25519")
    work("ssh-keys", "add", "--own").ok()
    assert gets_in(work, work.cli.home / ".config/composegen/id_ed25519")


def test_a_removed_key_that_a_home_lets_in_is_told(work: Work, tmp_path: Path) -> None:
    """As `ssh-copy-id` would have put it there."""
    key = new_key(tmp_path, "copied")
    public = key.with_suffix(".pub").read_text()
    work("ssh-keys", "add", public).ok()
    home = f"mkdir -p -m 700 /root/.ssh && echo '{public.strip()}' >/root/.ssh/authorized_keys"
    work.engine("exec", work.project, "sh", "-c", home)
    assert "/root/.ssh/authorized_keys" in work("ssh-keys", "list").ok().stdout
    removed = work("ssh-keys", "remove", "copied@somewhere")
    assert removed.code == 1 and "still gets in: /root/.ssh/authorized_keys" in removed.stderr and gets_in(work, key)
    work.engine("exec", work.project, "rm", "/root/.ssh/authorized_keys")
    assert not gets_in(work, key)


def test_a_key_that_somebody_told_the_container_stays_until_it_is_removed(work: Work, tmp_path: Path) -> None:
    """The README's way without composegen: plain Docker replaces the whole list."""
    plain, other = new_key(tmp_path, "plain"), new_key(tmp_path, "other")
    everybody = work.engine("exec", work.project, "cat", "/etc/ssh/authorized_keys") + "\n" + plain.with_suffix(".pub").read_text()
    done = work.engine.run("compose", "exec", "-T", "dev", "composegen-entrypoint", "keys", cwd=work.path, stdin=everybody)
    assert done.returncode == 0, done.stderr
    work("ssh-keys", "add", str(other.with_suffix(".pub"))).ok()
    assert gets_in(work, plain) and gets_in(work, other)
    (entry,) = [each for each in work("ssh-keys", "--json").ok().json["keys"] if each["comment"] == "plain@somewhere"]
    assert (entry["in_env"], entry["in_container"]) == (False, True)
    work("ssh-keys", "remove", "plain@somewhere", "other@somewhere").ok()
    assert not gets_in(work, plain) and not gets_in(work, other)


def test_an_exported_variable_that_beats_env_is_named(work: Work, tmp_path: Path) -> None:
    public = new_key(tmp_path, "shadowed").with_suffix(".pub").read_text().strip()
    refused = work("ssh-keys", "add", public, env={"SSH_AUTHORIZED_KEYS": public})
    assert refused.code == 2 and "the exported SSH_AUTHORIZED_KEYS beats .env" in refused.stderr
    assert "exported SSH_AUTHORIZED_KEYS" in work("ssh-keys", env={"SSH_AUTHORIZED_KEYS": public}).ok().stderr


def test_the_last_of_ten_thousand_keys_gets_in(work: Work, tmp_path: Path) -> None:
    """A list of 1 MB: beyond an environment variable and an argument (128 KiB each), so neither is on its way."""
    before, last = (work.path / ".env").read_text(), new_key(tmp_path, "last")
    many = [f"ssh-ed25519 {_blob(os.urandom(32))} person-{number}" for number in range(9_999)]
    (tmp_path / "many").write_text("\n".join([*many, last.with_suffix(".pub").read_text()]))
    work("ssh-keys", "add", "--key", str(tmp_path / "many")).ok()
    assert gets_in(work, last)
    assert len(work("ssh-keys", "--json").ok().json["keys"]) == 10_002
    work("up", "--recreate", "--no-test").ok()
    assert gets_in(work, last)
    (work.path / ".env").write_text(before)
    work("up").ok()
    assert not gets_in(work, last) and gets_in(work, work.path.parent / "first")


def _blob(key: bytes) -> str:
    parts = (b"ssh-ed25519", key)
    return base64.b64encode(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).decode()


def test_a_stopped_container_is_told_by_the_next_start(work: Work, tmp_path: Path) -> None:
    key = new_key(tmp_path, "late")
    work("stop", "--grace", "1").ok()
    assert "does not run" in work("ssh-keys", "add", str(key.with_suffix(".pub"))).ok().stderr
    work("start").ok()
    assert gets_in(work, key)
    work("ssh-keys", "remove", "late@somewhere").ok()
