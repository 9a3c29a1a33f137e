"""The GPUs of a folder's container: which it has, whether it lost them, and bringing them back."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from dataclasses import dataclass
from threading import Thread

from composegen.doctor.lost_gpu import ASK, Lost, inside, lost
from composegen.engine import Container, Engine, is_local
from composegen.errors import ComposegenError
from composegen.folder import Folder
from composegen.host import nvidia, smi
from composegen.up import steps
from composegen.up.state import State
from composegen.up.testing import handed_over

PATIENCE = 8.0  # seconds for the container's answer; the first one after a start initialises every card


@dataclass(frozen=True)
class Seen:
    """What a container has: its cards, and what is wrong with them."""

    devices: tuple[smi.Device, ...] = ()
    lost: Lost | None = None


def cards(folder: Folder, engine: Engine, container: Container | None) -> Seen:
    """Nothing, at no cost, where the folder asks for no GPU of NVIDIA's. Raises nothing: what goes wrong is in `lost`."""
    if container is None or folder.choices.device != "gpu" or not handed_over(folder):
        return Seen()
    said = _answer(engine) if container.running else ""
    there = inside(said) if container.running else None
    return Seen(smi.devices(said), lost(container, nvidia.driver() if is_local() else nvidia.Driver(), there))


def _answer(engine: Engine) -> str:
    """What the container says within PATIENCE. A process that hangs in the driver cannot be ended, so nobody waits for it."""
    answer: Future[str] = Future()

    def ask() -> None:
        try:
            answer.set_result(engine.inside(ASK))
        except ComposegenError as error:
            answer.set_result(error.said or error.message)

    Thread(target=ask, daemon=True).start()
    try:
        return answer.result(timeout=PATIENCE)
    except Late:
        return f"no answer within {PATIENCE:g} s"


def start(state: State) -> None:
    """Start the container, or let it go on; one that runs and lost its GPU is created anew, which is asked for as `up` does.

    Raises EngineError: nobody agreed to what that would lose. CommandFailed: the engine cannot start it.
    """
    found = cards(state.folder, state.engine, state.look.container)
    if not (found.lost and found.lost.mend == "recreate"):
        state.engine.start()
        return
    steps.agree(state, found.lost.title)
    state.engine.up(recreate=True)
