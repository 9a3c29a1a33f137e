"""Services as `docker compose config` resolves them → `docker run` lines; what only Compose can say is named."""

from __future__ import annotations

from typing import Any

import pytest

from composegen.convert import lines
from composegen.errors import ComposegenError


def document(**service: Any) -> dict[str, Any]:
    return {
        "name": "lab",
        "services": {"web": {"image": "img", "network_mode": "none", **service}, "db": {"image": "db", "container_name": "the-db"}},
        "networks": {"default": {"name": "lab_default"}, "net": {"name": "net", "external": True}},
        "volumes": {"data": {"name": "lab_data"}},
    }


def options(**service: Any) -> set[tuple[str, ...]]:
    line = lines(document(**service), "web")[0]
    return set(line.options) - {("--network", "none")}


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ({"healthcheck": {"test": ["CMD", "curl", "a b"]}}, {("--health-cmd", "curl 'a b'")}),
        ({"healthcheck": {"test": ["NONE"]}}, {("--no-healthcheck",)}),
        ({"stop_grace_period": "1m30s"}, {("--stop-timeout", "90")}),
        ({"init": False}, {("--init=false",)}),
        ({"environment": {"A": "x$$y", "B": None}}, {("--env", "A=x$y"), ("--env", "B")}),
        ({"gpus": [{"count": -1}]}, {("--gpus", "all")}),
        (
            {"deploy": {"resources": {"limits": {"cpus": 2, "memory": "1024", "pids": 3}, "reservations": {"memory": "512"}}}},
            {("--cpus", "2"), ("--memory", "1024"), ("--pids-limit", "3"), ("--memory-reservation", "512")},
        ),
        (
            {
                "deploy": {
                    "resources": {"reservations": {"devices": [{"device_ids": ["0", "1"], "capabilities": ["gpu", "utility"]}]}}
                }
            },
            {("--gpus", '"device=0,1",capabilities=utility')},
        ),
        ({"volumes": [{"type": "volume", "source": "data", "target": "/d", "volume": {}}]}, {("--volume", "lab_data:/d")}),
        (
            {"volumes": [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": "5", "mode": 0o1770}}]},
            {("--mount", "type=tmpfs,target=/t,tmpfs-size=5,tmpfs-mode=1770")},
        ),
        ({"volumes_from": ["db", "container:x"]}, {("--volumes-from", "the-db"), ("--volumes-from", "x")}),
        ({"links": ["db:database"]}, {("--link", "the-db:database")}),
        ({"ipc": "service:db", "pid": "host"}, {("--ipc", "container:the-db"), ("--pid", "host")}),
        ({"devices": [{"source": "/dev/a", "target": "/dev/b", "permissions": "r"}]}, {("--device", "/dev/a:/dev/b:r")}),
        (
            {"network_mode": None, "networks": {"net": {"aliases": ["a"], "ipv4_address": "10.0.0.2"}}},
            {("--network", "name=net,ip=10.0.0.2,alias=a")},
        ),
        ({"network_mode": "service:db"}, {("--network", "container:the-db")}),
    ],
)
def test_what_compose_says_in_words_of_its_own(service: dict[str, Any], expected: set[tuple[str, ...]]) -> None:
    assert options(**service) == expected


def test_what_has_no_flag_is_named() -> None:
    found = lines(
        document(
            secrets=[{"source": "s"}], deploy={"replicas": 2}, depends_on={"db": {}}, network_mode=None, networks={"default": None}
        )
    )[0]
    assert {note.what for note in found.notes} == {"secrets", "deploy.replicas", "depends_on", "networks"}
    assert all(note.where == "service web" for note in found.notes)


def test_a_line_can_be_pasted() -> None:
    found = lines(document(entrypoint=["sh", "-c"], command=["echo '$$HOME'"], container_name="box"))[0]
    assert (
        str(found)
        == "docker run -d \\\n  --name box \\\n  --entrypoint=sh \\\n  --network none \\\n  img -c 'echo '\"'\"'$HOME'\"'\"''"
    )


def test_a_service_that_is_not_there_and_one_without_an_image_are_explained() -> None:
    with pytest.raises(ComposegenError, match="there is no service 'wbe'"):
        lines(document(), "wbe")
    with pytest.raises(ComposegenError, match="the service 'web' has no image"):
        lines(document(image=None), "web")
    assert lines(document(image=None, build={}), "web")[0].image == "lab-web"
