"""Multiply two matrices on every NVIDIA GPU that is visible, with nothing but the driver: `python multiply.py`, anywhere.

The kernel is PTX, which the driver compiles for the card at hand; no CUDA toolkit and no framework is needed. Factors and sums are
small integers, which single precision holds exactly, so that the product is either equal to the right one or wrong.

Prints one JSON object: {"cuda": "12.4", "devices": [{"name", "mebibytes", "seconds", "wrong"}]}; `wrong` counts numbers. Ends
with 0 where there is a GPU and all of them are right.
"""

from __future__ import annotations

import ctypes
import json
import sys
import time
from typing import Any

SIZE = 128
THREADS = 256  # in a block
NAME_BYTES = 100

# One thread for each number of the product. Drivers know PTX 6.0 since CUDA 9, and compile what was written for older cards.
# https://docs.nvidia.com/cuda/parallel-thread-execution/
KERNEL = b"""
.version 6.0
.target sm_50
.address_size 64

.visible .entry multiply(.param .u64 a, .param .u64 b, .param .u64 c, .param .u32 size)
{
    .reg .pred %p;
    .reg .u32 %thread, %block, %width, %number, %size, %all, %row, %column, %first, %step;
    .reg .u64 %a, %b, %c, %offset, %line;
    .reg .f32 %x, %y, %sum;

    ld.param.u64 %a, [a];
    ld.param.u64 %b, [b];
    ld.param.u64 %c, [c];
    ld.param.u32 %size, [size];
    cvta.to.global.u64 %a, %a;
    cvta.to.global.u64 %b, %b;
    cvta.to.global.u64 %c, %c;
    mov.u32 %thread, %tid.x;
    mov.u32 %block, %ctaid.x;
    mov.u32 %width, %ntid.x;
    mad.lo.u32 %number, %block, %width, %thread;
    mul.lo.u32 %all, %size, %size;
    setp.ge.u32 %p, %number, %all;
    @%p bra DONE;

    div.u32 %row, %number, %size;
    rem.u32 %column, %number, %size;
    mul.lo.u32 %first, %row, %size;
    mul.wide.u32 %offset, %first, 4;
    add.u64 %a, %a, %offset;
    mul.wide.u32 %offset, %column, 4;
    add.u64 %b, %b, %offset;
    mul.wide.u32 %line, %size, 4;
    mov.f32 %sum, 0f00000000;
    mov.u32 %step, 0;
NEXT:
    ld.global.f32 %x, [%a];
    ld.global.f32 %y, [%b];
    fma.rn.f32 %sum, %x, %y, %sum;
    add.u64 %a, %a, 4;
    add.u64 %b, %b, %line;
    add.u32 %step, %step, 1;
    setp.lt.u32 %p, %step, %size;
    @%p bra NEXT;

    mul.wide.u32 %offset, %number, 4;
    add.u64 %c, %c, %offset;
    st.global.f32 [%c], %sum;
DONE:
    ret;
}
"""


def factors(size: int) -> tuple[list[float], list[float], list[float]]:
    """Two matrices, each row by row in one list, and their product."""
    numbers = range(size)
    a = [float((3 * row + 2 * column) % 5) for row in numbers for column in numbers]
    b = [float((row + 3 * column) % 4) for row in numbers for column in numbers]
    columns = [b[column::size] for column in numbers]
    rows = [a[row * size : (row + 1) * size] for row in numbers]
    return a, b, [sum(x * y for x, y in zip(row, column, strict=True)) for row in rows for column in columns]


def call(cuda: Any, name: str, *arguments: Any) -> None:
    """Raises RuntimeError: the driver refuses."""
    code = getattr(cuda, name)(*arguments)
    if code != 0:
        said = ctypes.c_char_p()
        cuda.cuGetErrorName(code, ctypes.byref(said))
        raise RuntimeError(f"{name}: {said.value.decode() if said.value else code}")


def devices(cuda: Any) -> int:
    """Initialise the driver; how many GPUs it shows."""
    count = ctypes.c_int()
    call(cuda, "cuInit", 0)
    call(cuda, "cuDeviceGetCount", ctypes.byref(count))
    return count.value


def version(cuda: Any) -> str:
    """The newest CUDA that the driver knows, such as 12.4."""
    number = ctypes.c_int()
    call(cuda, "cuDriverGetVersion", ctypes.byref(number))
    return f"{number.value // 1000}.{number.value % 1000 // 10}"


def computed(cuda: Any, index: int, size: int = SIZE) -> dict[str, Any]:
    """What became of the product on one GPU."""
    began = time.time()
    device, context, module, kernel = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    name, memory = ctypes.create_string_buffer(NAME_BYTES), ctypes.c_size_t()
    call(cuda, "cuDeviceGet", ctypes.byref(device), index)
    call(cuda, "cuDeviceGetName", name, NAME_BYTES, device)
    call(cuda, "cuDeviceTotalMem_v2", ctypes.byref(memory), device)
    call(cuda, "cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    call(cuda, "cuCtxSetCurrent", context)
    call(cuda, "cuModuleLoadData", ctypes.byref(module), ctypes.c_char_p(KERNEL))
    call(cuda, "cuModuleGetFunction", ctypes.byref(kernel), module, ctypes.c_char_p(b"multiply"))
    a, b, right = factors(size)
    matrix = ctypes.c_float * len(a)
    there = [on_device(cuda, matrix(*numbers)) for numbers in (a, b, [-1.0] * len(a))]
    arguments = [*there, ctypes.c_uint32(size)]
    pointers = (ctypes.c_void_p * len(arguments))(*[ctypes.addressof(each) for each in arguments])
    blocks = (len(a) + THREADS - 1) // THREADS
    call(cuda, "cuLaunchKernel", kernel, blocks, 1, 1, THREADS, 1, 1, 0, None, pointers, None)
    call(cuda, "cuCtxSynchronize")
    product = matrix()
    call(cuda, "cuMemcpyDtoH_v2", product, there[2], ctypes.c_size_t(ctypes.sizeof(product)))
    for pointer in there:
        call(cuda, "cuMemFree_v2", pointer)
    return {
        "name": name.value.decode(),
        "mebibytes": memory.value >> 20,
        "seconds": round(time.time() - began, 3),
        "wrong": sum(number != wanted for number, wanted in zip(product, right, strict=True)),
    }


def on_device(cuda: Any, numbers: ctypes.Array[Any]) -> ctypes.c_uint64:
    """Where on the GPU these numbers are now."""
    pointer, size = ctypes.c_uint64(), ctypes.c_size_t(ctypes.sizeof(numbers))
    call(cuda, "cuMemAlloc_v2", ctypes.byref(pointer), size)
    call(cuda, "cuMemcpyHtoD_v2", pointer, numbers, size)
    return pointer


def main() -> int:
    try:
        cuda = ctypes.CDLL("libcuda.so.1")
        found = [computed(cuda, index) for index in range(devices(cuda))]
        print(json.dumps({"cuda": version(cuda), "devices": found}))
    except (OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if found and not any(each["wrong"] for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
