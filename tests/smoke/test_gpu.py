"""The GPU section, against what nvidia-smi and frameworks say. Nothing here has seen a GPU."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest

from composegen import catalogue
from composegen.host.nvidia import Card, Cards
from composegen.model import Check, Finding
from composegen.smoke import run
from composegen.smoke.gpu import MULTIPLY
from composegen.ssh import Result
from composegen.up.testing import explained
from tests.smoke.fakes import TARGET, FakeSession, find, on_this_machine, prints, probe

TWO = "GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-a)\nGPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-b)\n"
MIG = "GPU 0: NVIDIA A100 (UUID: GPU-a)\n  MIG 1g.5gb Device 0: (UUID: MIG-a)\n  MIG 1g.5gb Device 1: (UUID: MIG-b)\n"
LOST = "Failed to initialize NVML: Unknown Error\n"


def says(listing: str, variable: str = "", status: int = 0) -> FakeSession:
    return FakeSession(prints(f"{listing}NVIDIA_VISIBLE_DEVICES={variable}\n", status))


# --- what is visible ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said", "outcome", "count"),
    [
        ("all", TWO, "ok", 2),
        ("0,1", TWO, "ok", 2),
        ("GPU-a,GPU-b", TWO, "ok", 2),
        ("0", TWO, "fail", 2),
        ("0,1,2", TWO, "fail", 2),
        ("GPU-a,GPU-c", TWO, "fail", 2),
        ("all", MIG, "ok", 1),
        ("MIG-a,MIG-b", MIG, "ok", 2),
        ("0:0,0:1", MIG, "ok", 2),
        ("MIG-a", MIG, "fail", 2),
        ("MIG-a,MIG-c", MIG, "fail", 2),
        ("all", "", "fail", 0),
        ("all", "No devices found.\n", "fail", 0),
    ],
)
def test_the_gpus_that_were_asked_for_are_visible(asked: str, said: str, outcome: str, count: int) -> None:
    finding = find("gpu", says(said), gpus=asked, device="gpu")
    assert (finding.outcome, finding.data["count"]) == (outcome, count)


@pytest.mark.parametrize(
    ("asked", "variable", "outcome"),
    [
        ("all", "all", "ok"),
        ("1,3", "1,3", "ok"),
        ("1,3", "void", "ok"),  # CDI hands devices over by other means, and says void
        ("1,3", "", "ok"),
        ("1,3", "0,2", "fail"),
        ("all", "0,2", "fail"),
        ("all", "none", "fail"),
    ],
)
def test_what_the_variable_says_does_not_contradict_what_was_asked(asked: str, variable: str, outcome: str) -> None:
    finding = find("gpu", says(TWO, variable), gpus=asked, device="gpu")
    assert (finding.outcome, finding.data["NVIDIA_VISIBLE_DEVICES"]) == (outcome, variable)


def test_an_index_is_the_host_s_and_known_by_its_uuid() -> None:
    """Inside, devices count from 0 whichever they are."""

    def host(*uuids: str) -> Cards:
        return Cards(tuple(Card(str(index), uuid, "NVIDIA H100 80GB HBM3") for index, uuid in enumerate(uuids)))

    right = find("gpu", says(TWO, "1,3"), gpus="1,3", device="gpu", cards=lambda: host("GPU-x", "GPU-a", "GPU-y", "GPU-b"))
    wrong = find("gpu", says(TWO, "1,3"), gpus="1,3", device="gpu", cards=lambda: host("GPU-a", "GPU-b", "GPU-x", "GPU-y"))
    assert right.outcome == "ok"
    assert (wrong.outcome, wrong.detail.startswith("GPU 3 was asked for and is not among them")) == ("fail", True)


def test_the_gpu_is_named() -> None:
    assert find("gpu", says(TWO), gpus="all", device="gpu").detail == "2 × NVIDIA H100 80GB HBM3"


def test_an_nvidia_smi_that_fails_is_quoted() -> None:
    finding = find("gpu", says(LOST, "void", 255), gpus="all", device="gpu")
    assert finding.detail == "nvidia-smi -L: Failed to initialize NVML: Unknown Error"
    assert finding.hint == "NVIDIA_VISIBLE_DEVICES is 'void' there"


@pytest.mark.parametrize("name", ["gpu", "gpu-memory", "gpu-compute"])
def test_without_a_reservation_no_gpu_is_looked_for(name: str) -> None:
    finding = find(name, FakeSession(prints(TWO)), compute="x")
    assert (finding.outcome, finding.detail) == ("skip", "no GPU is reserved")


@pytest.mark.parametrize("name", ["gpu", "gpu-memory"])
@pytest.mark.parametrize(
    ("said", "cause", "fix"),
    [
        (LOST, "a running container lost its GPU:", "--force-recreate"),
        ("Failed to initialize NVML: Driver/library version mismatch\n", "the NVIDIA driver was upgraded and", "reboot"),
    ],
)
def test_a_known_cause_is_told_with_its_fix(name: str, said: str, cause: str, fix: str) -> None:
    """As `composegen explain` does: there is one text for both."""
    expected = replace(TARGET, gpus="all", device="gpu")
    told: list[Finding] = []
    session = FakeSession(prints(said, 255))
    report = run(expected, session=session, probes=[probe(name)], explain=explained, tell=told.append)
    assert told == list(report.findings)
    assert said.strip() in told[0].detail
    assert told[0].hint.startswith(cause) and fix in told[0].hint


def test_what_works_needs_no_explanation() -> None:
    finding = replace(find("gpu", says(TWO), gpus="all", device="gpu"), detail=LOST)
    assert explained(finding) is finding


# --- AMD's and Huawei's -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "files", "tool", "outcome", "detail"),
    [
        ("rocm", "open /dev/kfd\nopen /dev/dri/renderD128\n", Result(0, "", ""), "ok", "/dev/dri/renderD128; rocm-smi ends well"),
        ("rocm", "open /dev/kfd\nopen /dev/dri/renderD128\n", Result(127, "", ""), "ok", "rocm-smi is not in the container"),
        ("rocm", "open /dev/kfd\nopen /dev/dri/renderD128\n", Result(2, "no\n", ""), "fail", "rocm-smi: no"),
        ("rocm", "shut /dev/kfd\nopen /dev/dri/renderD128\n", Result(0, "", ""), "fail", "root may not use /dev/kfd"),
        ("rocm", "open /dev/kfd\n", Result(0, "", ""), "fail", "there is no /dev/dri/renderD*"),
        (
            "npu",
            "open /dev/davinci_manager\nopen /dev/davinci0\nopen /dev/davinci1\n",
            Result(0, "", ""),
            "ok",
            "/dev/davinci0, /dev/davinci1;",
        ),
        ("npu", "", Result(0, "", ""), "fail", "there is no /dev/davinci_manager"),
    ],
)
def test_other_makers_devices_are_judged_by_their_files(device: str, files: str, tool: Result, outcome: str, detail: str) -> None:
    session = FakeSession(lambda script: Result(0, files, "") if script.startswith("for ") else tool)
    finding = find("gpu", session, gpus="all", device=device)
    assert (finding.outcome, detail in finding.detail) == (outcome, True), finding.detail


# --- memory -------------------------------------------------------------------------------------------------------------


def test_free_memory_is_told_for_each_device() -> None:
    said = "0, NVIDIA H100 80GB HBM3, 81559, 72600, 0\n1, NVIDIA H100 80GB HBM3, [N/A], [N/A], [N/A]\n"
    finding = find("gpu-memory", FakeSession(prints(said)), gpus="all", device="gpu")
    assert finding.detail == "GPU 0: 70.9 of 79.6 GiB free; GPU 1: the driver does not tell its memory"
    assert [each["free"] for each in finding.data["devices"]] == [72600, None]


def test_a_gpu_that_was_lost_has_no_memory() -> None:
    finding = find("gpu-memory", FakeSession(prints(LOST, 255)), gpus="all", device="gpu")
    assert (finding.outcome, finding.detail) == ("fail", "nvidia-smi: Failed to initialize NVML: Unknown Error")


# --- computing ----------------------------------------------------------------------------------------------------------

PYTHON = """
devices = ["left", "right"]
def multiply(a, b, device):
    return [[sum(x * y for x, y in zip(row, column)) for column in zip(*b)] for row in a]
"""


def computing(code: str, listing: str = TWO) -> Finding:
    """What the probe finds where the container's Python is this machine's."""

    def answer(script: str) -> Result:
        return Result(0, listing, "") if script.startswith("nvidia-smi") else on_this_machine(script)

    return find("gpu-compute", FakeSession(answer), gpus="all", device="gpu", compute=code)


def test_each_device_multiplies_in_turn() -> None:
    finding = computing(PYTHON)
    assert finding.outcome == "ok", finding.detail
    assert [each["device"] for each in finding.data["devices"]] == ["left", "right"]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("product[5][7] += 1", "right: wrong in 1 places: row 5, column 7 is "),
        ("product = [list(row) for row in zip(*product)]", "right: wrong in "),
        ("product[0][0] = float('nan')", "right: wrong in 1 places: row 0, column 0 is nan, not "),
        ("product = product[:5]", "right: IndexError: "),
        ("raise RuntimeError('CUDA error: out of memory')", "right: RuntimeError: CUDA error: out of memory"),
    ],
)
def test_a_device_that_computes_wrongly_is_named(fault: str, said: str) -> None:
    code = PYTHON.replace("    return", "    product =") + f"    if device == 'right':\n        {fault}\n    return product\n"
    finding = computing(code)
    assert (finding.outcome, finding.detail.startswith(said)) == ("fail", True), finding.detail


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("devices = []", "the framework computes on no device"),
        ("import composegen_has_no_such_module", "No module named 'composegen_has_no_such_module'"),
        (
            PYTHON.replace("    return", "    if device == 'right':\n        import os; os.abort()\n    return"),
            "no further device after left",
        ),
    ],
)
def test_a_framework_that_sees_nothing_or_crashes_fails(code: str, said: str) -> None:
    finding = computing(code)
    assert (finding.outcome, said in finding.detail) == ("fail", True), finding.detail


def test_a_framework_that_sees_fewer_devices_than_there_are_fails() -> None:
    three = TWO + "GPU 2: NVIDIA H100 80GB HBM3 (UUID: GPU-c)\n"
    assert computing(PYTHON, three).detail == "3 GPUs are visible, and the framework sees 2"
    assert computing(PYTHON, f"{three}CUDA_VISIBLE_DEVICES=0,1\n").outcome == "ok"
    assert computing(PYTHON, f"{MIG}GPU 1: x\nGPU 2: x\n").outcome == "ok"


def test_a_folder_of_before_has_nothing_to_compute() -> None:
    finding = find("gpu-compute", FakeSession(prints("")), gpus="all", device="gpu")
    assert (finding.outcome, "composegen update" in finding.detail) == ("skip", True)


def test_programs_do_not_run_side_by_side() -> None:
    """The first framework takes a GPU's memory for itself."""
    running: list[str] = []

    def answer(script: str) -> Result:
        assert not running, "two at once"
        running.append(script)
        result = on_this_machine("sleep 0.1; echo fine")
        running.clear()
        return result

    expected = replace(TARGET, gpus="all", device="gpu", check=Check("x", "fine"), compute="x")
    report = run(expected, session=FakeSession(answer), probes=[probe("gpu-memory"), probe("gpu-compute"), probe("framework")])
    assert "two at once" not in "".join(finding.detail for finding in report.findings)


# --- the catalogue's computations ---------------------------------------------------------------------------------------


def every_computation() -> list[tuple[str, str]]:
    return sorted({(stack.name, each.compute) for stack in catalogue.stacks() for each in stack.variants if each.device != "cpu"})


def test_every_variant_with_a_device_has_a_computation() -> None:
    assert all(code for _, code in every_computation())


# libcuda and libcublas as documented, in Python: this shows the order and meaning of arguments, never a GPU.
FAKE_LIBRARIES = """
import ctypes
memories, current = {}, []
class Library:
    def __init__(self, name):
        if "13" in name:
            raise OSError(name)
    def cuInit(self, flags): return 0
    def cuDeviceGetCount(self, count): count._obj.value = 2; return 0
    def cuDeviceGet(self, device, number): device._obj.value = number; return 0
    def cuDevicePrimaryCtxRetain(self, context, device): context._obj.value = 100 + device.value; return 0
    def cuCtxSetCurrent(self, context): current.append(context.value); return 0
    def cublasCreate_v2(self, handle): handle._obj.value = 7; return 0
    def cublasDestroy_v2(self, handle): return 0
    def cuMemAlloc_v2(self, place, length):
        place._obj.value = len(memories) + 1; memories[place._obj.value] = [0.0] * (length.value // 4); return 0
    def cuMemFree_v2(self, place): memories[place.value] = None; return 0
    def cuMemcpyHtoD_v2(self, place, values, length): memories[place.value][:] = values; return 0
    def cuMemcpyDtoH_v2(self, values, place, length): values[:] = memories[place.value]; return 0
    def cublasSgemm_v2(self, handle, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
        # C = alpha A B + beta C, all of them by columns
        m, n, k, lda, ldb, ldc = (each.value for each in (m, n, k, lda, ldb, ldc))
        A, B, C = memories[a.value], memories[b.value], memories[c.value]
        for i in range(m):
            for j in range(n):
                product = sum(A[i + l * lda] * B[l + j * ldb] for l in range(k))
                C[i + j * ldc] = alpha._obj.value * product + beta._obj.value * C[i + j * ldc]
        return 0
ctypes.CDLL = Library
"""


def test_cuda_s_computation_calls_its_libraries_as_they_are_documented() -> None:
    finding = computing(FAKE_LIBRARIES + catalogue.stack("cuda").variant("gpu").compute)
    assert finding.outcome == "ok", finding.detail
    assert [each["device"] for each in finding.data["devices"]] == ["0", "1"]


def test_the_program_runs_on_the_oldest_python_of_the_catalogue() -> None:
    """3.6, in nvidia/cuda:*-ubuntu18.04."""
    for name, code in every_computation():
        ast.parse(f"{code}\n{MULTIPLY}", filename=name, feature_version=(3, 6))
