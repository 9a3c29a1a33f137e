"""Which modes an engine offers, from what `docker info` says and where NVIDIA's hook is."""

from __future__ import annotations

import pytest

from composegen.doctor.offer import offered_modes
from composegen.engine import Info
from composegen.model.gpu import GpuMode

BARE = Info(version="28.5.2", runtimes=("runc",))
TOOLKIT = Info(version="28.5.2", runtimes=("runc", "nvidia"))
CDI = Info(version="28.5.2", runtimes=("runc",), cdi_devices=("amd.com/gpu=0", "nvidia.com/gpu=all"))
OTHER_CDI = Info(version="28.5.2", runtimes=("runc",), cdi_devices=("amd.com/gpu=0",))


@pytest.mark.parametrize(
    ("info", "hook", "modes"),
    [
        (BARE, False, ()),
        (BARE, None, ()),
        (BARE, True, ("deploy",)),
        (TOOLKIT, True, ("deploy", "runtime")),
        (TOOLKIT, None, ("deploy", "runtime")),
        (TOOLKIT, False, ("runtime",)),
        (CDI, False, ("cdi",)),
        (CDI, True, ("deploy", "cdi")),
        (OTHER_CDI, False, ()),
    ],
)
def test_what_is_there_is_offered(info: Info, hook: bool | None, modes: tuple[GpuMode, ...]) -> None:
    assert offered_modes(info, hook) == modes
