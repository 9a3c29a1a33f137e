"""What a produced container does by itself: no composegen, only `docker compose` and `ssh`."""

from __future__ import annotations

import base64
import hashlib
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from composegen.model import Choices
from tests.container.conftest import MakeBox

pytestmark = pytest.mark.engine

TINI = Choices("python", "cpu", init="tini")


def test_without_key_or_password_one_is_generated_and_a_restart_keeps_it(box: MakeBox) -> None:
    made = box().up()
    [password] = made.passwords_in_log()
    assert made.ssh("echo in", password=password).stdout == "in\n"

    made.compose("restart")
    made.wait()
    assert made.passwords_in_log() == [password], "a restart prints no second password"
    assert made.ssh("echo in", password=password).stdout == "in\n"

    made.compose("up", "--detach", "--force-recreate")
    made.wait()
    [another] = made.passwords_in_log()
    assert another != password
    assert made.ssh(password=password).returncode != 0, "a re-created container forgets the old password"


def test_new_password_takes_effect_at_once(box: MakeBox) -> None:
    made = box().up()
    made.inside("new-password")
    old = made.passwords_in_log()[0]
    renewed = made.inside("new-password").split(": ")[2].split()[0]
    made.wait()
    assert made.ssh("echo in", password=renewed).stdout == "in\n"
    assert made.ssh(password=old).returncode != 0


def test_with_a_key_no_password_is_made_and_none_is_accepted(box: MakeBox) -> None:
    made = box(SSH_AUTHORIZED_KEYS="own").up()
    assert made.ssh("id -un").stdout == "root\n"
    assert made.passwords_in_log() == []
    assert made.inside("head", "-n", "1", "/run/composegen/sshd_config") == "PasswordAuthentication no"
    refused = made.ssh(password="anything")
    assert refused.returncode != 0 and "Permission denied" in refused.stderr


def test_a_given_password_of_any_characters_logs_in_and_leaves_no_trace(box: MakeBox) -> None:
    password = "pa$s#w 'or\" d:x\\ 密码-Passwort ß"
    made = box(SSH_PASSWORD=password).up()
    assert made.ssh("echo in", password=password).stdout == "in\n"
    made.compose("restart")
    made.wait()
    assert made.ssh("echo in", password=password).stdout == "in\n", "a restart keeps it"

    seen = [
        made.engine("inspect", made.name),
        made.engine("inspect", f"{made.name}-dev"),
        made.engine("history", "--no-trunc", f"{made.name}-dev"),
        made.inside("cat", "/etc/composegen/password"),
        made.inside("cat", "/proc/1/environ"),
        made.logs(),
    ]
    assert not [text for text in seen if password in text]


def test_a_password_can_be_replaced_and_taken_away_in_a_running_container(box: MakeBox) -> None:
    made = box(SSH_AUTHORIZED_KEYS="own", SSH_PASSWORD="first-one-1").up()
    for old, new in (("first-one-1", "second $one 'x\""), ("second $one 'x\"", "")):
        made.engine.run("exec", "-i", made.name, "composegen-entrypoint", "password", stdin=f"{new}\n")
        made.wait()
        assert made.ssh(password=old).returncode != 0
        assert not new or made.ssh("echo in", password=new).stdout == "in\n"
        made.compose("restart")
        made.wait()
        assert made.ssh(password=old).returncode != 0, "a restart does not bring the old one back"
        assert not new or made.ssh("echo in", password=new).stdout == "in\n"
    assert made.ssh("echo in").stdout == "in\n"


def _add_to_image(folder: Path, lines: str, *, before: str = "WORKDIR /home/code") -> None:
    """Stand in for an image that has these Dockerfile lines, without installing every package anew on a base of its own."""
    dockerfile = folder / "Dockerfile"
    text = dockerfile.read_text()
    assert text.count(before) == 1
    dockerfile.write_text(text.replace(before, f"{lines}\n{before}"))


def test_the_user_of_the_callers_uid_owns_what_it_writes(box: MakeBox) -> None:
    made = box(
        choices=Choices("python", "cpu", sudo=True), SSH_AUTHORIZED_KEYS="own", SSH_USER="alice", USER_UID="1234", USER_GID="4321"
    )
    (made.path / "code").chmod(0o777)
    made.up()
    assert made.ssh("id -u; id -g; sudo id -u", user="alice").stdout == "1234\n4321\n0\n"
    made.ssh("echo hello >/home/code/from-alice; mkdir -p ~/.cache/JetBrains ~/.config/x", user="alice")
    written = (made.path / "code/from-alice").stat()
    assert (written.st_uid, written.st_gid) == (1234, 4321)
    assert made.ssh("id -un").stdout == "root\n", "root still logs in, as in the article"
    made.compose("restart")
    made.wait()
    assert made.ssh("id -u", user="alice").stdout == "1234\n"


@pytest.mark.parametrize(
    "lines",
    [
        "RUN useradd -m -u 1000 ubuntu && touch /home/ubuntu/kept",
        "RUN groupadd -g 1000 ubuntu && useradd -m -u 1000 -g 1000 -s /bin/sh ubuntu",
        "RUN useradd -m -u 1500 alice",
        "RUN groupadd -g 1500 alice",
    ],
    ids=["uid taken", "uid and gid taken", "name taken", "group name taken"],
)
def test_an_images_own_user_does_not_get_in_the_way(box: MakeBox, lines: str) -> None:
    made = box(SSH_AUTHORIZED_KEYS="own", SSH_USER="alice", USER_UID="1000", USER_GID="1000")
    _add_to_image(made.path, lines)
    made.up()
    seen = made.ssh("id -un; id -u; id -g; echo $HOME; echo $SHELL", user="alice").stdout
    assert seen == "alice\n1000\n1000\n/home/alice\n/bin/bash\n"
    if "kept" in lines:
        assert made.ssh("ls", user="alice").stdout == "kept\n", "the home comes along"


def test_host_keys_are_in_the_volume_and_not_in_the_image(box: MakeBox) -> None:
    made = box(SSH_AUTHORIZED_KEYS="own").up()
    in_image = made.engine("run", "--rm", "--entrypoint", "find", f"{made.name}-dev", "/etc/ssh", "-name", "ssh_host_*")
    assert in_image == ""
    before = made.inside("cat", "/etc/ssh/host_keys/ssh_host_ed25519_key.pub")
    made.compose("down")
    made.up()
    assert made.inside("cat", "/etc/ssh/host_keys/ssh_host_ed25519_key.pub") == before


IDE_FOLDERS = ".cache/JetBrains .config/JetBrains .local/share/JetBrains .vscode-server .cursor-server"


def test_what_an_ide_downloaded_survives_a_re_creation(box: MakeBox) -> None:
    made = box(SSH_AUTHORIZED_KEYS="own", SSH_USER="alice", USER_UID="1234", USER_GID="1234").up()
    for user in ("root", "alice"):
        made.ssh(f"for place in {IDE_FOLDERS}; do mkdir -p ~/$place/in && echo $place >~/$place/in/x; done", user=user)
    for anew in (("up", "--detach", "--build", "--force-recreate"), ("down",)):
        made.compose(*anew)
        made.up()
        for user in ("root", "alice"):
            look = "cat $place/in/x; stat -c %U $place/. $place/in/x; test -w $place/in || echo closed"
            seen = made.ssh(f"cd; for place in {IDE_FOLDERS}; do {look}; done", user=user).stdout.split()
            assert seen == [word for place in IDE_FOLDERS.split() for word in (place, user, user)], anew


def test_the_container_turns_healthy_and_its_healthchecks_leave_the_log_alone(box: MakeBox) -> None:
    made = box(SSH_AUTHORIZED_KEYS="own")
    (made.path / "compose.override.yaml").write_text("services: {dev: {healthcheck: {interval: 1s}}}\n")
    made.up()
    before = made.logs()
    for _ in range(3):
        made.inside("/etc/composegen/entrypoint.sh", "banner")
    deadline = time.monotonic() + 40
    while made.engine("inspect", "--format", "{{.State.Health.Status}}", made.name) != "healthy":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    time.sleep(1)
    new = made.logs().removeprefix(before)
    assert "127.0.0.1" not in new and "reaped" not in new, new
    assert made.ssh("true").returncode == 0
    assert "Accepted publickey for root" in made.logs(), "real logins are still told"


def test_an_unhealthy_sshd_is_seen_although_the_container_runs(box: MakeBox) -> None:
    made = box(SSH_AUTHORIZED_KEYS="own").up()
    made.inside("supervisorctl", "-c", "/etc/composegen/supervisord.conf", "stop", "sshd")
    assert made.engine.run("exec", made.name, "/etc/composegen/entrypoint.sh", "banner").returncode != 0


@pytest.mark.parametrize(
    ("file", "broken", "before", "said"),
    [
        ("container/sshd_config", "NoSuchOption yes\n", "UsePAM no\n", "NoSuchOption"),
        ("container/supervisord.py", "[program:other]\n", "[program:sshd]\n", "program:other"),
        ("container/supervisord.conf", "; Of an older folder, and edited.\n", "", "container/supervisord.conf is not read"),
    ],
)
def test_a_broken_configuration_fails_the_build(box: MakeBox, file: str, broken: str, before: str, said: str) -> None:
    path = (made := box()).path / file
    path.write_text(path.read_text().replace(before, broken + before) if path.exists() else broken)
    assert said in made.compose_fails("build")


def test_a_users_requirement_cannot_replace_the_framework(box: MakeBox) -> None:
    site = "/usr/local/lib/python3.11/dist-packages/mindspore-2.0.0a0.dist-info"
    installed = (
        f"RUN mkdir -p {site} && printf 'Metadata-Version: 2.1\\nName: mindspore\\nVersion: 2.0.0a0\\n' >{site}/METADATA"
        f" && echo mindspore-2.0.0a0.dist-info/METADATA,, >{site}/RECORD && echo pip >{site}/INSTALLER"
    )
    wheel = "mindspore-9.9-py3-none-any.whl"

    framework = box(choices=Choices("mindspore", "gpu", wheels=(wheel,)))
    _add_to_image(framework.path, installed, before="COPY requirements.txt")
    _write_wheel(framework.path / "wheels" / wheel, "mindspore", "9.9")
    said = framework.compose_fails("build")
    assert "mindspore" in said and "constraint" in said

    control = box(choices=Choices("python", "cpu", wheels=(wheel,)))
    _add_to_image(control.path, installed, before="COPY requirements.txt")
    _write_wheel(control.path / "wheels" / wheel, "mindspore", "9.9")
    control.compose("build")


def _write_wheel(path: Path, name: str, version: str) -> None:
    path.parent.mkdir(exist_ok=True)
    info = f"{name}-{version}.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},sha256={_digest(text)},{len(text)}\n" for file, text in files.items())
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(file, text)


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_packages_of_apt_txt_are_built_in(box: MakeBox) -> None:
    made = box()
    (made.path / "apt.txt").write_bytes(b"\xef\xbb\xbf# a comment\r\nless # another\r\n\n")
    made.compose("build")
    made.engine("run", "--rm", "--entrypoint", "less", f"{made.name}-dev", "--version")


def test_an_apt_mirror_replaces_the_host_in_the_package_sources(box: MakeBox) -> None:
    made = box(APT_MIRROR="http://mirror.invalid/some/path/")
    said = made.compose_fails("build")
    assert "http://mirror.invalid/some/path/debian" in said


def test_the_interpreter_of_the_image_is_recorded_and_not_supervisors(box: MakeBox, derived_base: Callable[[str], str]) -> None:
    own = "RUN mkdir /opt/own && ln -s /usr/bin/python3 /opt/own/python\nENV PATH=/opt/own:$PATH"
    made = box(base=derived_base(own))
    made.compose("build")
    assert made.engine("run", "--rm", "--entrypoint", "cat", f"{made.name}-dev", "/etc/composegen/interpreter") == "/opt/own/python"
