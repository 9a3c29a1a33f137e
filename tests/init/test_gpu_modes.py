"""The project's mode, this machine's, and the compose file that a machine has of its own: what is written, and what goes again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from composegen import dotenv
from composegen.doctor.offer import pick
from composegen.engine import Info
from composegen.errors import UsageError
from composegen.folder import open_folder
from composegen.host.nvidia import Driver
from composegen.init import own_file
from composegen.model import Choices, Settings, Wanted, wanted
from composegen.model.gpu import GpuMode, with_file
from tests.init.conftest import Said, tree

Run = Callable[..., Said]

OWN = "compose.gpus.yaml"
BOTH = f"compose.yaml:{OWN}"
NO_GPU = "compose.yaml:compose.nogpu.yaml"


def env(folder: Path) -> dict[str, str]:
    return dotenv.parse((folder / ".env").read_text())


def service(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "compose.yaml").read_text())["services"]["dev"]
    return found


def test_the_runtime_stands_in_the_environment_and_narrows_nothing(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--gpu-mode", "runtime").ok()
    written = service(here / "w")
    assert written["runtime"] == "nvidia" and "deploy" not in written
    assert written["environment"]["NVIDIA_VISIBLE_DEVICES"] == "${GPUS:-all}"
    said = (here / "w/compose.yaml").read_text() + (here / "w/Dockerfile").read_text()
    assert "NVIDIA_DRIVER_CAPABILITIES" not in said and "CUDA_VERSION" not in said


def test_a_variable_of_ones_own_is_not_written_twice(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--gpu-mode", "runtime", "--env", "NVIDIA_VISIBLE_DEVICES=MIG-1").ok()
    assert (here / "w/compose.yaml").read_text().count("NVIDIA_VISIBLE_DEVICES:") == 1


def test_ascends_runtime_takes_the_place_of_devices_and_driver(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--device", "npu").ok()
    composegen("update", "w", "--gpu-mode", "runtime").ok()
    written = service(here / "w")
    assert (written["runtime"], written["environment"]["ASCEND_VISIBLE_DEVICES"]) == ("ascend", "${GPUS:-0}")
    assert "devices" not in written and not [each for each in written["volumes"] if "Ascend" in str(each)]
    assert env(here / "w")["GPUS"] == "0" and "GPUS=0" in (here / "w/.env.example").read_text()
    composegen("init", "mindspore", "w", "--gpus", "device=2,3").ok()
    assert env(here / "w")["GPUS"] == "2,3"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("mindspore", "--gpu-mode", "cdx"), "no GPU mode named 'cdx'"),
        (("python", "--gpu-mode", "cdi"), "--gpu-mode cdi does not go with device 'cpu'"),
        (("pytorch", "--device", "rocm", "--gpu-mode", "runtime"), "/dev/kfd and /dev/dri are handed over as they are"),
        (("mindspore", "--device", "npu", "--gpu-mode", "cdi"), "--gpu-mode runtime takes Ascend's runtime"),
        (("mindspore", "--device", "npu", "--gpus", "1"), "take --gpu-mode runtime and ids"),
        (("mindspore", "--device", "npu", "--gpu-mode", "runtime", "--gpus", "all"), "Ascend's runtime takes ids only"),
    ],
)
def test_a_mode_that_does_not_go_with_the_device(refused: Run, options: tuple[str, ...], says: str) -> None:
    refused("init", *options, says=says)


def test_another_device_has_its_own_usual_mode(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--gpu-mode", "cdi").ok()
    composegen("update", "w", "--device", "cpu").ok()
    assert "gpu_mode" not in (here / "w/compose.yaml").read_text()


def test_several_cards_by_cdi_are_named_in_a_file_of_the_machine(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--gpu-mode", "cdi").ok()
    before = tree(here / "w")
    composegen("init", "mindspore", "w", "--gpus", "1,3").ok()
    assert env(here / "w")["COMPOSE_FILE"] == BOTH
    assert [line.strip() for line in (here / "w" / OWN).read_text().splitlines()][-2:] == [
        "- nvidia.com/gpu=1",
        "- nvidia.com/gpu=3",
    ]
    assert OWN in (here / "w/.gitignore").read_text().splitlines()
    composegen("check", "w").ok()

    composegen("init", "mindspore", "w", "--gpus", "all").ok()
    assert tree(here / "w") == before


def test_a_fresh_clone_stays_without_a_file_of_its_own(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--gpu-mode", "cdi", "--gpus", "1,3").ok()
    for name in (".env", OWN):
        (here / "w" / name).unlink()
    composegen("update", "w", "--gpu-mode", "deploy").ok()
    assert not (here / "w/.env").exists() and not (here / "w" / OWN).exists()


@pytest.mark.parametrize(
    ("given", "asked", "expected"),
    [
        ("", "1,3", BOTH),
        ("", "none", NO_GPU),
        ("compose.yaml:mine.yaml", "1,3", f"compose.yaml:{OWN}:mine.yaml"),
        ("compose.yaml:mine.yaml", "none", "compose.yaml:compose.nogpu.yaml:mine.yaml"),
        ("compose.yaml:mine.yaml", "all", "compose.yaml:mine.yaml"),
        (f"compose.yaml:{OWN}:mine.yaml", "all", "compose.yaml:mine.yaml"),
        (NO_GPU, "1,3", BOTH),
        (BOTH, "none", NO_GPU),
        (NO_GPU, "all", ""),
    ],
)
def test_a_persons_own_files_stay_in_compose_file(composegen: Run, here: Path, given: str, asked: str, expected: str) -> None:
    composegen("init", "mindspore", "w", "--gpu-mode", "cdi").ok()
    file = here / "w/.env"
    file.write_text(file.read_text().replace("# COMPOSE_FILE=", f"COMPOSE_FILE={given}" if given else "# COMPOSE_FILE="))
    composegen("init", "mindspore", "w", "--gpus", asked).ok()
    assert env(here / "w").get("COMPOSE_FILE", "") == expected
    assert (here / "w" / OWN).exists() == (OWN in expected)


def test_what_compose_reads_by_itself_is_named_where_something_else_must_be(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w").ok()
    (here / "w/compose.override.yaml").write_text("services: {}\n")
    composegen("init", "mindspore", "w", "--gpus", "none").ok()
    assert env(here / "w")["COMPOSE_FILE"] == "compose.yaml:compose.nogpu.yaml:compose.override.yaml"
    composegen("init", "mindspore", "w", "--gpus", "all").ok()
    assert "COMPOSE_FILE" not in env(here / "w")


def test_somebody_elses_file_of_that_name_is_left_alone(composegen: Run, refused: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--gpu-mode", "cdi").ok()
    (here / "w" / OWN).write_text("services: {}\n")
    said = composegen("init", "mindspore", "w", "--gpus", "1,3")
    assert said.code == 1 and f"{OWN}' is not composegen's" in said.stderr
    composegen("init", "mindspore", "w", "--gpus", "all").ok()
    assert (here / "w" / OWN).read_text() == "services: {}\n"


def test_a_mode_of_the_machine_takes_no_gpu_back_and_a_dry_run_writes_nothing(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--gpus", "none").ok()
    before = tree(here / "w")
    opened = open_folder(here / "w")
    foreseen, said = own_file.fitted(opened, "cdi", dry_run=True)
    assert tree(here / "w") == before and said.startswith("GPU_MODE=cdi and COMPOSE_FILE=")
    written, said = own_file.fitted(opened, "cdi")
    assert foreseen.settings == written.settings and wanted(written.choices, written.settings) == Wanted("gpu", "cdi", ("all",))
    assert own_file.fitted(written) == (written, "")
    back, said = own_file.fitted(written, "deploy")
    assert (back.settings.gpu_mode, back.settings.compose_file, (here / "w" / OWN).exists()) == ("", "", False)
    assert said == f"GPU_MODE= and COMPOSE_FILE= to .env, and {OWN} away"
    with pytest.raises(UsageError, match="no GPU mode named 'x'"):
        own_file.fitted(back, "x")


def test_an_exported_compose_file_is_not_written_over(composegen: Run, here: Path) -> None:
    composegen("init", "mindspore", "w", "--gpu-mode", "cdi", "--gpus", "1,3").ok()
    before = tree(here / "w")
    opened = open_folder(here / "w", {"COMPOSE_FILE": "compose.yaml:mine.yaml"})
    assert own_file.fitted(opened) == (opened, "") and tree(here / "w") == before
    with pytest.raises(UsageError, match="the exported COMPOSE_FILE beats what --gpu-mode writes"):
        own_file.fitted(opened, "deploy")


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"GPU_MODE": "fast"}, "GPU_MODE is 'fast', not one of deploy, runtime, cdi"),
        ({"GPUS": "none"}, "COMPOSE_FILE=compose.yaml:compose.nogpu.yaml hands over none"),
        ({"GPUS": "1, 3"}, "neither all nor ids such as 0,1"),
        ({"GPUS": "1,"}, "neither all nor ids"),
        ({"GPUS": "1\n- x"}, "neither all nor ids"),
    ],
)
def test_what_env_cannot_mean(composegen: Run, here: Path, variables: dict[str, str], says: str) -> None:
    composegen("init", "mindspore", "w").ok()
    with pytest.raises(UsageError, match=re.escape(says)):
        open_folder(here / "w", variables)
    for fine in ("all", "0,1", "GPU-18a3e86f", "MIG-GPU-18a3e86f/1/0,0:1", "0-3,5"):
        assert open_folder(here / "w", {"GPUS": fine}).settings.gpus == fine


@pytest.mark.parametrize(
    ("choices", "settings", "expected"),
    [
        (Choices("m", "gpu"), Settings(), Wanted("gpu", "deploy", ("all",))),
        (Choices("m", "gpu", gpu_mode="cdi"), Settings(gpus="1,3"), Wanted("gpu", "cdi", ("1", "3"))),
        (Choices("m", "gpu", gpu_mode="cdi"), Settings(gpu_mode="runtime"), Wanted("gpu", "runtime", ("all",))),
        (Choices("m", "gpu"), Settings(compose_file=NO_GPU), Wanted("gpu", "deploy")),
        (Choices("m", "rocm"), Settings(gpus="1", gpu_mode="cdi"), Wanted("rocm", "deploy", ("all",))),
        (Choices("m", "npu", gpu_mode="runtime"), Settings(gpus="1"), Wanted("npu", "runtime", ("1",))),
        (Choices("m", "cpu"), Settings(), Wanted("cpu")),
    ],
)
def test_what_a_folder_wants_on_a_machine(choices: Choices, settings: Settings, expected: Wanted) -> None:
    assert wanted(choices, settings) == expected


def test_compose_file_may_name_nothing_but_ours() -> None:
    assert with_file(OWN, "") == ""


ENGINE = Info(version="28.5.2", runtimes=("runc", "nvidia"), cdi_devices=("nvidia.com/gpu=0",))
LOADED = Driver(module="535.183.01", library="535.183.01")
UPGRADED = Driver(module="535.183.01", library="550.54.15")


@pytest.mark.parametrize(
    ("info", "hook", "driver", "project", "mode", "why"),
    [
        (ENGINE, True, LOADED, "deploy", "deploy", "container toolkit"),
        (ENGINE, True, LOADED, "cdi", "cdi", "CDI devices"),
        (ENGINE, False, LOADED, "deploy", "runtime", "the runtime 'nvidia'"),
        (ENGINE, True, Driver(), "deploy", "cdi", "CDI devices"),
        (Info(runtimes=("runc", "nvidia")), True, Driver(), "deploy", None, "no NVIDIA driver"),
        (Info(runtimes=("runc",)), False, LOADED, "deploy", None, "no way to a GPU, though there is a driver"),
        (Info(runtimes=("runc",)), False, Driver(), "deploy", None, "no way to a GPU, and this host no NVIDIA driver"),
        (Info(runtimes=("runc", "nvidia")), None, None, "deploy", "deploy", "container toolkit"),
        (ENGINE, True, UPGRADED, "deploy", None, "module is 535.183.01 and its library 550.54.15"),
    ],
)
def test_auto_picks_what_will_start(
    info: Info, hook: bool | None, driver: Driver | None, project: GpuMode, mode: GpuMode | None, why: str
) -> None:
    picked = pick(info, hook_on_path=hook, driver=driver, modes=(project, "deploy", "runtime", "cdi"))
    assert picked.mode == mode and why in picked.why
