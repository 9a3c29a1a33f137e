"""Recognisable values are planted wherever a person may put a secret, and looked for wherever others might read one."""

from __future__ import annotations

import base64
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import CERTIFICATES
from tests.support import scan
from tests.support.cli import Cli
from tests.support.engine import Engine, free_port, tear_down, unique_name
from tests.support.ssh_client import ssh

pytestmark = pytest.mark.engine

PLANTED = {
    "SSH_PASSWORD": "planted-ssh-word-4Qx9",
    "a later SSH_PASSWORD": "planted-later-word-7Ty2",
    "HF_TOKEN in .env, named by --env": "planted-hf-token-8Rw3",
    "the password of a package index in NETRC": "planted-index-word-2Lm5",
    "the password of a proxy": "planted-proxy-word-6Bn1",
    "CA_BUNDLE": "planted-certificate-3Vc8",
    "an exported variable": "planted-exported-9Zk4",
}
CONTROL = "planted-openly-5Hj7"  # in every place on purpose, so that a scan that finds nothing cannot be one that does not look

# What may be found where, each with its reason.
BY_WISH = "a variable of the container: Docker keeps it in .Config.Env, and sessions are to have it"
EXPECTED = {
    ("HF_TOKEN in .env, named by --env", "docker inspect of the container"): BY_WISH,
    ("HF_TOKEN in .env, named by --env", "environment of processes in the container"): BY_WISH,
    ("HF_TOKEN in .env, named by --env", "files of the container"): "SetEnv in sshd's configuration, which only root can read",
}
PLACES = (
    "layers and configuration of the image",
    "docker history and inspect of the image",
    "docker inspect of the container",
    "files of the container",
    "tracked files",
    "docker logs",
    "what composegen said",
    "process list",
    "environment of processes in the container",
)


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    """A package index on 127.0.0.1 that only serves `planted` to whoever knows the password of NETRC."""
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as archive:
        info = "planted-1.0.dist-info"
        archive.writestr("planted.py", f"# {CONTROL}\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"planted.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    name = "planted-1.0-py3-none-any.whl"
    known = base64.b64encode(f"reader:{PLANTED['the password of a package index in NETRC']}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            allowed = self.headers.get("Authorization") == f"Basic {known}"
            self.send_response(200 if allowed else 401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/zip")
            self.end_headers()
            if allowed:
                self.wfile.write(f'<a href="{name}">{name}</a>'.encode() if self.path.endswith("/") else wheel.getvalue())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/simple"
        server.shutdown()


@pytest.fixture(scope="module")
def found(engine: Engine, base_image: str, index: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, bytes]]:
    """{place: everything that is there}, after a build, an `up`, changes of key and password, and logins."""
    home, name, port = tmp_path_factory.mktemp("secrets"), unique_name(), free_port()
    cli, folder = Cli(home / "home"), home / "work"
    words = ("--base", base_image, "--name", name, "--port", str(port), "--env", "HF_TOKEN", "--env", f"OPENLY={CONTROL}")
    # A dry run shows what would be in .env, and compose.yaml with the control in it.
    init = ("init", "python", str(folder), *words, "--password")
    said = [cli(*init, *dry, stdin=PLANTED["SSH_PASSWORD"]).ok() for dry in (["--dry-run"], ["--json"])]
    _plant(folder, home, index)
    # Every layer but the last ones comes from the cache, so that the proxy has nothing to do but to be there.
    engine("compose", "build", cwd=folder)
    (folder / "requirements.txt").write_text("planted\n")
    proxy = f"http://person:{PLANTED['the password of a proxy']}@127.0.0.1:9"
    exported = {"HTTP_PROXY": proxy, "https_proxy": proxy, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    exported |= {"PLANTED": PLANTED["an exported variable"]}
    try:
        with scan.Watch() as watch:
            said.append(cli("up", str(folder), env=exported).ok())
            later = PLANTED["a later SSH_PASSWORD"]
            env = (folder / ".env").read_text()
            (folder / ".env").write_text(env.replace(PLANTED["SSH_PASSWORD"], later))
            said.append(cli("up", str(folder), env=exported).ok())
            assert ssh(port, "true", password=later).returncode == 0
            said.append(cli("ssh-keys", "list", str(folder), env=exported).ok())
            said.append(cli("test", str(folder), env=exported).ok())
            engine("exec", "--detach", name, "sh", "-c", f": {CONTROL}; sleep 60")
            engine("exec", name, "sh", "-c", f"echo {CONTROL} >/proc/1/fd/1; sleep 0.5")
        key = home / "home/.config/composegen/id_ed25519"
        places = scan.everything(engine, name, folder)
        places["environment of processes in the container"] += _session(port, key)
        yield {
            **places,
            "what composegen said": "".join(each.stdout + each.stderr for each in said).encode(),
            "process list": b"\n".join(watch.seen),
            "private keys": b"\n".join(
                [key.read_bytes(), scan.output(engine, "exec", name, "cat", "/etc/ssh/host_keys/ssh_host_ed25519_key")]
            ),
        }
    finally:
        tear_down(engine, name)


def _plant(folder: Path, home: Path, index: str) -> None:
    bundle, netrc = home / "bundle.crt", home / "netrc"
    bundle.write_text(f"# {PLANTED['CA_BUNDLE']}\n{CERTIFICATES.read_text() if CERTIFICATES.exists() else ''}")
    netrc.write_text(f"machine 127.0.0.1 login reader password {PLANTED['the password of a package index in NETRC']}\n")
    given = {"PIP_INDEX_URL": index, "NETRC": str(netrc), "CA_BUNDLE": str(bundle)}
    env = re.sub(r"(?m)^HF_TOKEN=.*", f"HF_TOKEN={PLANTED['HF_TOKEN in .env, named by --env']}", (folder / ".env").read_text())
    for variable, value in given.items():
        env, times = re.subn(rf"(?m)^# {variable}=$", f"{variable}={value}", env)
        assert times == 1
    (folder / ".env").write_text(env)
    dockerfile = (folder / "Dockerfile").read_text()
    dockerfile = dockerfile.replace("WORKDIR /home/code", f"ENV IN_THE_IMAGE={CONTROL}\nWORKDIR /home/code")
    # The index is on the loopback interface of this machine, which pip's step alone may see: the others come from the cache.
    pip = "RUN --mount=type=cache,target=/root/.cache/pip"
    assert dockerfile.count(pip) == 1
    (folder / "Dockerfile").write_text(dockerfile.replace(pip, pip.replace("RUN", "RUN --network=host")))
    (folder / "compose.override.yaml").write_text("services:\n  dev:\n    build:\n      entitlements: [network.host]\n")


def _session(port: int, key: Path) -> bytes:
    seen = ssh(port, "env", key=key)
    assert seen.returncode == 0 and "OPENLY" in seen.stdout
    return seen.stdout.encode()


def test_a_scan_finds_no_secret_but_those_that_are_meant(found: dict[str, bytes]) -> None:
    seen = {(what, place) for place in PLACES for what, value in PLANTED.items() if value.encode() in found[place]}
    assert seen == EXPECTED.keys()


@pytest.mark.parametrize("place", PLACES)
def test_the_scan_looks_there(found: dict[str, bytes], place: str) -> None:
    assert CONTROL.encode() in found[place]


def test_private_keys_are_nowhere(found: dict[str, bytes]) -> None:
    lines = [line for line in found["private keys"].splitlines() if line and not line.startswith(b"-----")]
    own = [line for line in lines if not line.startswith(b"b3BlbnNzaC1rZXktdjEAAAA")]  # the format's own first line, in every key
    assert len(own) >= 6
    assert not [place for place in PLACES for line in own if line in found[place]]


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "FRAMEWORK_INDEX_URL", "APT_MIRROR"])
def test_a_password_in_an_address_of_the_build_is_refused(composegen: Cli, base_image: str, tmp_path: Path, variable: str) -> None:
    """As an argument of the build it would be in the image's history."""
    composegen("init", "python", str(tmp_path / "w"), "--base", base_image, "--name", unique_name()).ok()
    for command in ("up", "build"):
        done = composegen(command, str(tmp_path / "w"), env={variable: "https://me:s3cret@example.org/simple"})
        assert done.code == 2 and f"{variable} holds a user or password" in done.stderr and "hint: " in done.stderr
        assert "s3cret" not in done.stdout + done.stderr
