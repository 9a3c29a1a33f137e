"""`composegen convert` as a user runs it: where a line comes from, what is printed where, and the folder of --output."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from composegen import catalogue, dotenv
from composegen.convert import convert
from composegen.converting.placing import wants_gpu
from composegen.converting.recognising import recognised
from tests.support.cli import Cli

ARTICLE = "docker run -d -p 2222:22 -v /dev/shm:/dev/shm -v /home/code:/home/code --name=work --runtime=nvidia ms:200a-cu116"


def test_the_articles_line(composegen: Cli) -> None:
    done = composegen("convert", ARTICLE).ok()
    assert '- "2222:22"' in done.stdout
    service = yaml.safe_load(done.stdout)["services"]["work"]
    assert service["container_name"] == "work"
    assert service["volumes"] == ["/dev/shm:/dev/shm", "/home/code:/home/code"]
    assert service["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": "all", "capabilities": ["gpu"]}
    ]
    assert "runtime" not in service
    assert "note: column 12: --detach" in done.stderr and "warning: column 84: --runtime=nvidia" in done.stderr
    kept = yaml.safe_load(composegen("convert", "--keep-runtime", ARTICLE).ok().stdout)["services"]["work"]
    assert kept["runtime"] == "nvidia" and "deploy" not in kept


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("nvidia-docker run img", {"driver": "nvidia", "count": "all"}),
        ("NV_GPU=0,1 nvidia-docker run img", {"driver": "nvidia", "device_ids": ["0", "1"]}),
        ("docker run --runtime nvidia -e NVIDIA_VISIBLE_DEVICES=2 img", {"driver": "nvidia", "device_ids": ["2"]}),
        ("docker run --runtime nvidia -e NVIDIA_VISIBLE_DEVICES=void img", None),
        ("docker run --runtime nvidia --gpus 2 img", {"count": 2}),
    ],
)
def test_older_ways_to_a_gpu_become_a_reservation(line: str, asked: dict[str, object] | None) -> None:
    (service,) = convert(line).document["services"].values()
    assert "runtime" not in service
    devices = service["deploy"]["resources"]["reservations"]["devices"] if "deploy" in service else []
    assert devices == ([{**asked, "capabilities": ["gpu"]}] if asked else [])


def test_a_line_comes_as_one_argument_as_words_from_a_file_or_from_standard_input(composegen: Cli, tmp_path: Path) -> None:
    (tmp_path / "line.sh").write_text("docker run -p 80:80 img\n")
    ways = [
        composegen("convert", "docker run -p 80:80 img"),
        composegen("convert", "--", "docker", "run", "-p", "80:80", "img"),
        composegen("convert", "docker", "run", "-p", "80:80", "img"),
        composegen("convert", "line.sh", cwd=tmp_path),
        composegen("convert", stdin="docker run -p 80:80 img"),
        composegen("convert", "-", stdin="docker run -p 80:80 img"),
    ]
    assert len({way.ok().stdout for way in ways}) == 1


def test_json_has_the_text_and_what_there_is_to_say(composegen: Cli) -> None:
    done = composegen("convert", "--json", "docker run -P img").ok()
    assert yaml.safe_load(done.json["compose"])["services"].keys() == {"img"} == set(done.json["services"])
    (note,) = done.json["notes"]
    assert note["kind"] == "lost" and note["what"] == "--publish-all" and note["where"] == "column 12"
    assert done.stderr == ""


def test_what_cannot_be_converted_is_wrong_usage(composegen: Cli, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00docker run")
    for arguments in ([""], ["docker run <image>"], ["nowhere.sh"], ["noise"], ["--to-run", "nowhere.yaml"]):
        done = composegen("convert", *arguments, cwd=tmp_path)
        assert done.code == 2 and done.stdout == ""
        assert done.stderr.startswith("error: ") and "\n  hint: " in done.stderr and "Traceback" not in done.stderr


@pytest.mark.engine
def test_the_way_back_prints_a_line_and_says_what_it_lacks(composegen: Cli, tmp_path: Path) -> None:
    line = "docker run -p 8080:80 --gpus '\"device=0,1\"' -e 'A=x$y' --name web img sh -c 'echo \"$A\"'"
    text = composegen("convert", line).ok().stdout
    longer = text.replace("    image: img\n", "    image: img\n    depends_on: [db]\n") + "  db:\n    image: other\n"
    (tmp_path / "compose.yaml").write_text(longer)
    done = composegen("convert", "--to-run", "--service", "web", "compose.yaml", cwd=tmp_path).ok()
    back = yaml.safe_load(composegen("convert", done.stdout).ok().stdout)["services"]["web"]
    expected = yaml.safe_load(text)["services"]["web"]
    assert {**back, "ports": expected["ports"]} == expected and back["ports"] == ["8080:80/tcp"]
    assert "service web: depends_on is an order of starting" in done.stderr
    found = composegen("convert", "--to-run", "--json", "compose.yaml", cwd=tmp_path).ok().json
    assert {each["service"] for each in found} == {"web", "db"} and found[0]["argv"][:2] == ["docker", "run"]
    assert composegen("convert", "--to-run", "--service", "wbe", "compose.yaml", cwd=tmp_path).code == 1


# --- A folder ---------------------------------------------------------------------------------------------------------------


def written(composegen: Cli, where: Path, line: str) -> tuple[Path, dict[str, object]]:
    """The folder of a line, and what `--json` says of it."""
    done = composegen("convert", "--output", "box", "--json", line, cwd=where).ok()
    return where / "box", done.json


def test_a_folder_has_what_the_line_says_where_init_has_a_place_for_it(composegen: Cli, tmp_path: Path) -> None:
    for name in ("project", "data"):
        (tmp_path / name).mkdir()
    folder, said = written(
        composegen,
        tmp_path,
        f"docker run -d --gpus '\"device=0,1\"' -p 127.0.0.1:2299:22 -p 8080:80 -v {tmp_path}/project:/workspace "
        "-v $PWD/data:/data -v cache:/cache -w /workspace --shm-size 16g -e MODE=test -e HF_TOKEN=hidden-4711 -e WHO=$USER "
        "--ulimit memlock=-1 --memory-reservation 1g --user root --env-file my.env -v ./data:/read:ro --name Training "
        "pytorch/pytorch:2.6.0-cuda12.4-cudnn9-runtime python serve.py --port 80",
    )
    choices = yaml.safe_load((folder / "compose.yaml").read_text())["x-composegen"]
    assert (choices["stack"], choices["version"], choices["cuda"]) == ("pytorch", "2.6.0", "12.4")
    assert choices["shm"] == "16g" and choices["env"] == ["MODE=test", "HF_TOKEN"]
    assert choices["mounts"] == [f"{tmp_path}/project:/workspace", f"{tmp_path}/data:/data"]
    settings = said["settings"]
    assert isinstance(settings, dict)
    assert settings["COMPOSE_PROJECT_NAME"] == "training" and settings["CODE_DIR"] == f"{tmp_path}/project"
    assert (settings["SSH_BIND"], settings["SSH_PORT"], settings["GPUS"], settings["SSH_USER"]) == (
        "127.0.0.1",
        "2299",
        "0,1",
        "root",
    )
    assert yaml.safe_load((folder / "compose.override.yaml").read_text()) == {
        "services": {
            "dev": {
                "environment": {"WHO": "${USER}"},
                "ports": ["8080:80"],
                "volumes": ["cache:/cache", f"{tmp_path}/data:/read:ro"],
                "env_file": [{"path": f"{tmp_path}/my.env", "format": "raw"}],
                "ulimits": {"memlock": -1},
                "deploy": {"resources": {"reservations": {"memory": "1g"}}},
            }
        },
        "volumes": {"cache": {"name": "cache"}},
    }
    program = (folder / "services/command.conf").read_text()
    assert "[program:command]\ncommand=python serve.py --port 80\ndirectory=/workspace\n" in program
    assert all("hidden-4711" not in path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("line", "stack", "device"),
    [
        ("docker run --gpus all pytorch/pytorch:2.6.0-cuda12.4-cudnn9-runtime", "pytorch", "gpu"),
        ("docker run --gpus all docker.io/pytorch/pytorch:0.0-own", "pytorch", "gpu"),
        ("docker run --runtime=nvidia mindspore/mindspore-gpu-11.6:2.0.0-alpha", "mindspore", "gpu"),
        ("docker run registry.example.org/team/my-tensorflow:3", "tensorflow", "cpu"),
        ("docker run --gpus all nvidia/cuda:12.4.1-cudnn-devel-ubuntu22.04", "cuda", "gpu"),
        ("docker run --gpus all somebody/something", "cuda", "gpu"),
        ("docker run somebody/something", "python", "cpu"),
        ("docker run python:3.12-slim-bookworm", "python", "cpu"),
    ],
)
def test_the_stack_is_recognised_by_the_image(line: str, stack: str, device: str) -> None:
    (service,) = convert(line).document["services"].values()
    found = recognised(service["image"], catalogue.stacks(), wants_gpu=wants_gpu(service))
    assert (found.stack.name, found.device) == (stack, device)


def test_a_dry_run_shows_the_difference_and_writes_nothing(composegen: Cli, tmp_path: Path) -> None:
    line = "docker run -p 81:81 -v /etc/hosts:/etc/hosts:ro somebody/something serve"
    done = composegen("convert", "--output", "box", "--dry-run", line, cwd=tmp_path).ok()
    for path in ("compose.yaml", "compose.override.yaml", "services/command.conf", ".env"):
        assert f"+++ b/{path}" in done.stdout
    assert not (tmp_path / "box").exists()


def test_without_a_gpu_in_the_line_the_folder_has_none_and_its_override_still_counts(composegen: Cli, tmp_path: Path) -> None:
    folder, said = written(composegen, tmp_path, "docker run -p 81:81 pytorch/pytorch:2.6.0-cuda12.4-cudnn9-runtime")
    settings = said["settings"]
    assert isinstance(settings, dict)
    files = settings["COMPOSE_FILE"]
    assert files == "compose.yaml:compose.nogpu.yaml:compose.override.yaml"
    assert dotenv.parse((folder / ".env").read_text())["COMPOSE_FILE"] == files


def test_a_folder_of_ones_home_may_be_the_code_and_a_runtime_may_stay(composegen: Cli, tmp_path: Path) -> None:
    (composegen.home / "project").mkdir(parents=True)
    line = "docker run --runtime=nvidia -e NVIDIA_VISIBLE_DEVICES=1 -v ~/project:/home/code img"
    done = composegen("convert", "--keep-runtime", "--output", "box", "--json", line, cwd=tmp_path).ok()
    assert done.json["settings"]["CODE_DIR"] == str(composegen.home / "project")
    assert done.json["settings"]["GPUS"] == "1"
    service = yaml.safe_load((tmp_path / "box/compose.yaml").read_text())["services"]["dev"]
    assert service["runtime"] == "nvidia" and "deploy" not in service
    assert not (tmp_path / "box/compose.override.yaml").exists()


def test_what_a_folder_cannot_have_is_said(composegen: Cli, tmp_path: Path) -> None:
    _, said = written(composegen, tmp_path, "docker run --network host --read-only --health-cmd true --user 1000 -it img bash")
    notes = "\n".join(map(str, said["notes"])) if isinstance(said["notes"], list) else ""
    for what in ("network_mode host was left out", "read_only was left out", "healthcheck was left out", "user 1000 was left out"):
        assert what in notes
    assert not (tmp_path / "box/services/command.conf").exists()
    assert not (tmp_path / "box/compose.override.yaml").exists()


def test_files_of_the_users_own_are_written_once(composegen: Cli, tmp_path: Path) -> None:
    line = "docker run -p 8080:80 img serve"
    folder, _ = written(composegen, tmp_path, line)
    (folder / "compose.override.yaml").write_text("services: {}\n")
    _, said = written(composegen, tmp_path, line)
    assert (folder / "compose.override.yaml").read_text() == "services: {}\n"
    assert "compose.override.yaml is there already and stays as it is" in json.dumps(said["notes"])
    assert composegen("check", cwd=folder).code == 0


def test_several_lines_are_no_folder(composegen: Cli, tmp_path: Path) -> None:
    done = composegen("convert", "--output", "box", "docker run a; docker run b", cwd=tmp_path)
    assert done.code == 2 and "a folder has one container" in done.stderr and os.listdir(tmp_path) == ["home"]  # noqa: PTH208
