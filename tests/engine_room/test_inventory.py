"""What of composegen's is on an engine, read from what `docker` prints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from composegen.engine import inventory
from composegen.errors import EngineError
from tests.engine_room.standin import Standin

ENTRYPOINT = ["/etc/composegen/entrypoint.sh"]


def container(**differing: Any) -> dict[str, Any]:
    return {
        "Id": "1f",
        "Name": "/work",
        "State": {"Status": "running"},
        "Config": {"Entrypoint": ENTRYPOINT, "Env": ["NVIDIA_VISIBLE_DEVICES=1"]},
        **differing,
    }


@pytest.mark.parametrize(
    ("host", "gpus"),
    [
        ({"DeviceRequests": [{"Driver": "nvidia", "Count": -1}]}, "all"),
        ({"DeviceRequests": [{"Driver": "nvidia", "Count": 2}]}, "2"),
        (
            {"DeviceRequests": [{"Driver": "cdi", "Count": 0, "DeviceIDs": ["nvidia.com/gpu=0", "nvidia.com/gpu=2"]}]},
            "nvidia.com/gpu=0,nvidia.com/gpu=2",
        ),
        ({"Runtime": "nvidia"}, "1"),
        ({"Runtime": "runc"}, ""),
        ({"Devices": [{"PathOnHost": "/dev/kfd"}, {"PathOnHost": "/dev/fuse"}]}, "/dev/kfd"),
        ({"Devices": None, "DeviceRequests": None}, ""),
    ],
)
def test_gpus_are_told_however_they_were_asked_for(docker: Standin, host: dict[str, Any], gpus: str) -> None:
    docker.says(("ps", "echo 1f"), ("inspect", f"cat <<'END'\n{json.dumps([container(HostConfig=host)])}\nEND\n"))
    (found,) = inventory.residents()
    assert found.gpus == gpus


def test_containers_of_others_are_none_of_ours(docker: Standin) -> None:
    other = container(Config={"Entrypoint": ["/docker-entrypoint.sh"]})
    docker.says(("ps", "echo 1f"), ("inspect", f"cat <<'END'\n{json.dumps([other, container(Config={})])}\nEND\n"))
    assert inventory.residents() == ()


def test_the_last_login_is_read_from_the_log(docker: Standin, tmp_path: Path) -> None:
    (tmp_path / "log").write_text(
        "2026-11-27T12:36:01.123456789Z Accepted publickey for root from 172.22.0.1 port 55314 ssh2: ED25519 SHA256:a\n"
        "2026-11-27T12:37:02.123456789Z Accepted password for me from 172.22.0.1 port 55322 ssh2\n"
        "2026-11-27T12:38:03.123456789Z Failed password for me from 172.22.0.1 port 55330 ssh2\n"
    )
    docker.says(("logs", f"cat {tmp_path}/log >&2"))
    assert inventory.last_login("1f") == ("2026-11-27T12:37:02+00:00", "me")
    docker.says(("logs", "echo nothing"))
    assert inventory.last_login("1f") == ("", "")


@pytest.mark.parametrize("garbage", ["}{", "[1]", "a b c"])
def test_garbage_is_an_engine_error(docker: Standin, garbage: str) -> None:
    docker.says(("ps", "echo 1f"), ("", f"printf '{garbage}'"))
    with pytest.raises(EngineError):
        inventory.inventory()
