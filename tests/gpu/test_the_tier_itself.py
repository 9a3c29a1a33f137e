"""What the gpu tier stands on, shown without a GPU: the specification on a made-up host, the program on a driver that is none."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest

from tests.gpu import multiply
from tests.support import evidence
from tests.support.cdi import specification

INFORMATION = "Model: \t\t NVIDIA H100\nIRQ:   \t\t 42\nGPU UUID: \t {uuid}\nBus Location: \t {place}\nDevice Minor: \t {minor}\n"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Two cards, the first on the bus with the higher number; libraries of two drivers, of which 535 is loaded."""
    write(tmp_path, "proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\n")
    for place, minor, uuid in (("0000:17:00.0", 1, "GPU-aaaa"), ("0000:ca:00.0", 0, "GPU-bbbb")):
        said = INFORMATION.format(uuid=uuid, place=place, minor=minor)
        write(tmp_path, f"proc/driver/nvidia/gpus/{place}/information", said)
        write(tmp_path, f"dev/nvidia{minor}")
    for file in ("dev/nvidiactl", "dev/nvidia-uvm", "dev/nvidia-modeset", "usr/bin/nvidia-smi", "usr/bin/nvidia-settings"):
        write(tmp_path, file)
    for library in ("cuda", "nvidia-ml", "nvidia-glcore", "nvidia-ptxjitcompiler"):
        for version in ("535.183.01", "525.60.13"):
            write(tmp_path, f"usr/lib64/lib{library}.so.{version}")
        (tmp_path / f"usr/lib64/lib{library}.so.1").symlink_to(f"lib{library}.so.535.183.01")
    return tmp_path


def write(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_every_card_is_named_by_its_place_and_its_uuid(host: Path) -> None:
    devices = {each["name"]: paths(each["containerEdits"]) for each in specification(host)["devices"]}
    first, second = ["/dev/nvidia1"], ["/dev/nvidia0"]
    assert devices == {"0": first, "1": second, "GPU-aaaa": first, "GPU-bbbb": second, "all": [*first, *second]}


def test_every_card_comes_with_the_drivers_files_and_no_others(host: Path) -> None:
    edits = specification(host, "aarch64")["containerEdits"]
    assert paths(edits) == ["/dev/nvidiactl", "/dev/nvidia-uvm"]
    mounts = {mount["containerPath"]: mount["hostPath"] for mount in edits["mounts"]}
    assert mounts.pop("/usr/bin/nvidia-smi") == "/usr/bin/nvidia-smi"
    # Under the name that programs ask for and under its own, from where Fedora keeps it to where Debian looks.
    names = ("cuda", "nvidia-ml", "nvidia-ptxjitcompiler")
    assert mounts == {
        f"/usr/lib/aarch64-linux-gnu/lib{name}.so.{end}": f"/usr/lib64/lib{name}.so.535.183.01"
        for name in names
        for end in ("1", "535.183.01")
    }


def test_cards_are_counted_by_their_files_where_the_driver_does_not_tell(tmp_path: Path) -> None:
    for file in ("dev/nvidia0", "dev/nvidia10", "dev/nvidia2", "dev/nvidiactl"):
        write(tmp_path, file)
    assert paths(specification(tmp_path)["devices"][-1]["containerEdits"]) == ["/dev/nvidia0", "/dev/nvidia2", "/dev/nvidia10"]


def test_a_host_without_a_card_has_no_devices(tmp_path: Path) -> None:
    assert specification(tmp_path)["devices"] == []


def paths(edits: dict[str, Any]) -> list[str]:
    return [node["path"] for node in edits["deviceNodes"]]


class Driver:
    """Two GPUs in Python: keeps what is copied to it and multiplies; `off` is added to one number of the second GPU's product."""

    def __init__(self, off: float = 0.0, refuses: str = "") -> None:
        self.off, self.refuses, self.memory, self.device = off, refuses, dict[int, Any](), 0

    def __getattr__(self, name: str) -> Any:
        """Everything else of libcuda's succeeds."""
        return lambda *arguments: 100 if name == self.refuses else 0

    def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
        count._obj.value = 2
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:  # noqa: N802
        version._obj.value = 12040
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:  # noqa: N802
        self.device = device._obj.value = index
        return 0

    def cuMemAlloc_v2(self, pointer: Any, size: Any) -> int:  # noqa: N802
        pointer._obj.value = 4096 * (len(self.memory) + 1)
        self.memory[pointer._obj.value] = bytes(size.value)
        return 0

    def cuMemcpyHtoD_v2(self, pointer: Any, numbers: Any, size: Any) -> int:  # noqa: N802
        self.memory[pointer.value] = bytes(numbers)[: size.value]
        return 0

    def cuMemcpyDtoH_v2(self, numbers: Any, pointer: Any, size: Any) -> int:  # noqa: N802
        ctypes.memmove(numbers, self.memory[pointer.value], size.value)
        return 0

    def cuLaunchKernel(self, kernel: Any, *rest: Any) -> int:  # noqa: N802
        a, b, c = (ctypes.cast(rest[8][place], ctypes.POINTER(ctypes.c_uint64))[0] for place in range(3))
        size = ctypes.cast(rest[8][3], ctypes.POINTER(ctypes.c_uint32))[0]
        assert rest[0] * rest[3] >= size * size, "fewer threads than numbers"
        x, y = ([*(ctypes.c_float * (size * size)).from_buffer_copy(self.memory[each])] for each in (a, b))
        product = [
            sum(x[row * size + step] * y[step * size + column] for step in range(size))
            for row in range(size)
            for column in range(size)
        ]
        product[-1] += self.off * self.device
        self.memory[c] = bytes((ctypes.c_float * len(product))(*product))
        return 0

    def cuGetErrorName(self, code: int, said: Any) -> int:  # noqa: N802
        said._obj.value = b"CUDA_ERROR_NO_DEVICE"
        return 0


def test_a_product_is_compared_number_by_number_on_every_gpu() -> None:
    assert [multiply.computed(Driver(off=1.0), index, 16)["wrong"] for index in (0, 1)] == [0, 1]
    assert multiply.devices(Driver()) == 2 and multiply.version(Driver()) == "12.4"


def test_what_the_driver_refuses_is_said_in_its_words() -> None:
    with pytest.raises(RuntimeError, match="cuInit: CUDA_ERROR_NO_DEVICE"):
        multiply.devices(Driver(refuses="cuInit"))


def test_evidence_says_what_was_shown_and_what_was_not() -> None:
    rows = [
        evidence.Row("It computes", "cdi", "passed", "GPU 0 | right", 1.25),
        evidence.Row("It computes", "deploy", "skipped", "there is no toolkit", 0.0),
        evidence.Row("It lists", "deploy", "skipped", "there is no toolkit", 0.0),
    ]
    page = evidence.page(rows, ["GPU 0: H100"], "2026-11-27")
    assert page.startswith("# Evidence on a GPU: 1 passed, 2 skipped on 2026-11-27\n")
    assert "- GPU 0: H100\n" in page and "| It computes | cdi | passed | GPU 0 \\| right | 1.2 |\n" in page
    assert page.endswith("Not shown there, and why:\n\n- deploy: there is no toolkit\n")
