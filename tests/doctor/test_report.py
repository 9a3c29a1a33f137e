"""`composegen doctor --report`: what helps to find a fault, and nothing that a stranger must not read."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import replace
from pathlib import Path

import pytest

from composegen import diagnosis, dotenv
from composegen.doctor import Diagnosis, Finding, begin, report
from composegen.doctor.redaction import HIDDEN, Redactor
from composegen.engine import Info, Look
from composegen.errors import UsageError
from tests.engine_room.test_steps import FakeEngine, made
from tests.support.cli import Cli

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJbKqL1YtQ5J5wqZkqJYyQ3hKqzZp1yQ3f1xZxX7kZ9a"


def test_a_known_secret_goes_wherever_it_stands() -> None:
    redact = Redactor(frozenset(("s3cr3t-and-long", "dev")))
    assert redact("xs3cr3t-and-longx dev devise /dev/shm") == f"x{HIDDEN}x {HIDDEN} devise /{HIDDEN}/shm"


LOOKS = {
    "password in an address": ("http://bob:p@ss/w@proxy.example:80/x", "http://***@proxy.example:80/x"),
    "query of an address": ("https://mirror.example/simple?token=abc done", "https://mirror.example/simple?*** done"),
    "public key": (f"{KEY} bob at home\nnext", "ssh-ed25519 ***\nnext"),
    "security key": ("sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5 bob", "sk-ssh-ed25519@openssh.com ***"),
    "private key": ("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\nx", "***\nx"),
    "private key cut off": ("a -----BEGIN RSA PRIVATE KEY-----\nabc\ndef", "a ***"),
    "assignment": ("DB_PASSWORD=hunter2 HF_TOKEN: 'a b' x", "DB_PASSWORD=*** HF_TOKEN: *** x"),
    "option": ("run --api-key abc123 --port 80", "run --api-key *** --port 80"),
    "JSON": ('{"token": "abc", "port": 1}', '{"token": ***, "port": 1}'),
    "header": ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
    "token of a hub": ("got hf_abcdefghijkl", "got ***"),
    "password of the container": ("password for root: abcde-fghjk-mnpqr-stuvw (generated", "password for root: *** (generated"),
    "mail": ("from bob.x@corp.example", "from USER@HOST"),
    "home": ("/home/bob/x and /Users/bob, in /home/code", "~/x and ~, in /home/code"),
    "address of the Internet": ("from 8.8.8.8 port 1, 2001:4860:4860::8888", "from ADDRESS port 1, ADDRESS"),
    "what is no secret": (
        "127.0.0.1:2222 10.0.0.5 12:30:45 sha256:ab Failed password for root from 172.17.0.1",
        "127.0.0.1:2222 10.0.0.5 12:30:45 sha256:ab Failed password for root from 172.17.0.1",
    ),
}


@pytest.mark.parametrize("kind", LOOKS)
def test_what_looks_like_a_secret_goes(kind: str) -> None:
    text, shown = LOOKS[kind]
    assert Redactor()(text) == shown


PLANTED = {
    "SSH_PASSWORD": "planted-password",
    "HF_TOKEN": "planted-token",
    "OWN": "planted-own-value",
    "QUOTED": 'planted "$" # it\'s',
    "SHORT_SECRET": "pw1",
    "PIP_INDEX_URL": "https://planted-user:planted-pip@index.example/simple",
    "NETRC": "/home/planted-person/.netrc",
}
LOG = f"""password for root and planted-person: abcde-fghjk-mnpqr-stuvw (generated, shown once)
Accepted publickey for planted-person from 8.8.4.4 port 51234 ssh2
key {KEY} planted-comment
DEBUG planted-own-value planted-override planted-exported pw1 planted-env-file
bound to 0.0.0.0 port 22, Server listening
"""
CONFIG = {
    "name": "demo-planted-person",
    "configs": {"password": {"content": "# SSH_PASSWORD\nplanted-password\n"}, "authorized_keys": {"content": KEY}},
    "services": {
        "dev": {
            "build": {"args": {"BASE_IMAGE": "python:3.12", "MINE": "planted-argument"}},
            "command": ["serve", "--auth", "planted-command"],
            "environment": {"GPUS": "all", "FILE": "planted-env-file", "OVERRIDE": "planted-override", "EMPTY": ""},
            "labels": {"who": "planted-label"},
            "ports": [{"published": "2222"}],
            "healthcheck": {"test": ["CMD", "check", 'planted "$" # it\'s']},
            "volumes": [{"source": "/home/planted-person/demo/code", "target": "/home/code"}],
        }
    },
    "x-composegen": {"stack": "python", "env": ["MINE=planted-recorded"]},
}


class Telling(FakeEngine):
    def last_words(self, lines: int = 20) -> str:
        return LOG


@pytest.fixture
def written(demo: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The report of a folder in which secrets are everywhere."""
    lines = [f"{name}={dotenv.quote(value)}" for name, value in PLANTED.items()]
    keys = f"SSH_AUTHORIZED_KEYS='{KEY} planted-comment'"
    (demo / ".env").write_text(
        "\n".join(
            [
                "# SSH_PASSWORD=planted-earlier",
                "SSH_PORT=2345",
                "SSH_USER=planted-person",
                "USER_UID=1000",
                "USER_GID=1000",
                *lines,
                keys,
            ]
        )
    )
    monkeypatch.setenv("MY_API_KEY", "planted-exported")
    monkeypatch.setenv("USER", "planted-account")
    monkeypatch.setenv("https_proxy", "http://planted-user:planted-proxy@proxy.example:3128")
    about = Info(
        version="28.5.2", name=platform.node(), http_proxy="http://planted:planted-engine@proxy.example", runtimes=("runc",)
    )
    container = replace(made(demo), project="demo")
    site = diagnosis.site_at(demo)
    site.engine = engine = Telling(demo, about=about, there=Look(container), configured=json.dumps(CONFIG), project="demo")
    site = type(site)(engine, directory=demo, choices=site.choices, settings=site.settings, variables=site.variables)
    found = Diagnosis((Finding("port", "fail", "2345 is taken by /home/planted-person/other", "ask planted-account"),))
    return report.text(site, found, begin(site, report.PARTS).result())


def test_nothing_that_was_planted_is_in_the_report(written: str, demo: Path) -> None:
    assert [line for line in written.splitlines() if "planted" in line or "pw1" in line] == []
    for secret in (KEY.split()[1], "abcde-fghjk", "8.8.4.4", str(Path.home()), f" {platform.node()} "):
        assert secret not in written, secret


def test_what_a_fault_is_found_by_is_in_the_report(written: str) -> None:
    assert written.startswith(report.HEADER)
    for said in (
        "composegen 0.",
        "Python 3.",
        "fail  port          2345 is taken by ~/other",
        "- ask USER",
        "SSH_PORT=2345",
        "PIP_INDEX_URL=https://***@index.example/simple",
        "https_proxy=http://***@proxy.example:3128",
        "version: 28.5.2",
        '"BASE_IMAGE": "python:3.12"',
        '"GPUS": "all"',
        '"published": "2222"',
        '"stack": "python"',
        "Accepted publickey for USER from ADDRESS port 51234",
        "Server listening",
    ):
        assert said in written, said


def test_a_env_that_cannot_be_read_hides_its_values_all_the_same(demo: Path) -> None:
    (demo / ".env").write_text("SSH_USER=planted\nexport SSH_PASSWORD=planted-password\nA B=planted-other\n")
    site = diagnosis.site_at(demo)
    site.engine = Telling(demo)
    said = Diagnosis((Finding("folder", "fail", ".env line 3: planted-other, after planted-password of planted"),))
    written = report.text(site, said, begin(site, report.PARTS).result())
    assert "planted" not in written and ".env line 3" in written


def test_the_log_of_anothers_container_is_not_told(demo: Path) -> None:
    site = diagnosis.site_at(demo)
    theirs = Telling(demo, there=Look(made(demo.parent)))
    site = type(site)(theirs, directory=demo, choices=site.choices, settings=site.settings)
    written = report.text(site, Diagnosis(()), begin(site, report.PARTS).result())
    assert "Server listening" not in written and "belongs to another folder" in written


def test_a_file_that_is_no_report_is_not_written_over(tmp_path: Path) -> None:
    for name, text in (("notes.md", "mine"), ("report.md", f"{report.HEADER}\nold"), ("empty", "")):
        (tmp_path / name).write_text(text)
    report.refuse_foreign(tmp_path / "report.md")
    report.refuse_foreign(tmp_path / "new.md")
    for name in ("notes.md", ".", "none/new.md"):
        with pytest.raises(UsageError):
            report.refuse_foreign(tmp_path / name)


def test_the_command_writes_it_for_its_owner_only(composegen: Cli, demo: Path) -> None:
    silent = {"DOCKER_HOST": f"unix://{demo}/none.sock"}
    done = composegen("doctor", "--report", "report.md", "--json", cwd=demo, env=silent)
    assert done.json["ok"] is False and "look through it" in done.stderr
    written = (demo / "report.md").read_text()
    assert written.startswith(report.HEADER) and "fail  engine" in written
    assert (demo / "report.md").stat().st_mode & 0o777 == 0o600
    assert os.environ.get("HOME", "-") not in written
