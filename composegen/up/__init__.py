"""The one journey from a folder to a container that lets you in: preflight → build → start → ready → alias → test → connect.

state    what the journey starts with, knows on its way, and ends with
steps    what each step does
ready    the way in: host key, keys, login, and the OpenSSH client
alias    `ssh composegen-NAME`
agent    whether the ssh-agent may come along
testing  the smoke tests
cards    which GPUs the container has, and bringing lost ones back
status   how a folder's container is
ways     what an IDE or a person needs to come in, from here or from a laptop
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Thread

from composegen import ssh
from composegen.engine import Engine, memory
from composegen.errors import ComposegenError
from composegen.folder import Folder
from composegen.model import SERVICE
from composegen.up import alias, ready, steps
from composegen.up.state import Connection, Options, Outcome, Result, State, Talk
from composegen.up.testing import test
from composegen.up.ways import connection

__all__ = [
    "STEPS",
    "Connection",
    "Options",
    "Outcome",
    "Result",
    "State",
    "Talk",
    "build",
    "by_hand",
    "foresee",
    "keep_image",
    "log_in_with_openssh",
    "start",
    "up",
    "wait_until_ready",
]

STEPS: tuple[tuple[str, Callable[[State], tuple[State, str]]], ...] = (
    ("preflight", steps.preflight),
    ("build", steps.build),
    ("start", steps.start),
    ("ready", steps.ready),
    ("alias", alias.write),
    ("test", test),
    ("connect", steps.connect),
)


def up(folder: Folder, engine: Engine, options: Options, talk: Talk) -> Outcome:
    """Take every step. Raises what a step raises; on KeyboardInterrupt says the container's state and passes it on."""
    # Importing paramiko takes about as long as asking the engine; neither needs to wait for the other. The interpreter waits for
    # the thread when it ends early: it must not go away under an import.
    Thread(target=ssh.preload).start()
    state, results = State(folder, engine, options, talk), []
    try:
        for name, step in STEPS:
            began = time.monotonic()
            state, detail = _interruptible(name, step, state)
            results.append(Result(name, detail, time.monotonic() - began))
            talk.say(f"{name:10}{detail} ({results[-1].seconds:.1f} s)")
    finally:
        if state.session is not None:
            state.session.close()
    return Outcome(tuple(results), connection(state), state.report)


def wait_until_ready(folder: Folder, engine: Engine, options: Options, talk: Talk) -> None:
    """Return once somebody can log in to the container that runs. Raises SshError, after saying what the container said."""
    state = State(folder, engine, options, talk)
    state = replace(state, look=engine.look(), memory=memory.recall(folder.path))
    after, _ = _interruptible("ready", steps.ready, state)
    alias.renew(after)
    if after.session is not None:
        after.session.close()


def start(folder: Folder, engine: Engine, options: Options, talk: Talk) -> None:
    """Start the container as it is, or anew where it lost its GPU, and return once somebody can log in.

    Raises EngineError: nobody agreed to what creating it anew would lose. Else like `wait_until_ready`.
    """
    from composegen.up import cards

    cards.start(replace(State(folder, engine, options, talk), look=engine.look()))
    wait_until_ready(folder, engine, options, talk)


def build(folder: Folder, engine: Engine, talk: Talk, *, fresh: bool = False) -> str:
    """Build the image whether or not anything changed; what came of it. Raises like the step."""
    state = steps.look_around(State(folder, engine, Options(), talk))
    _, detail = _interruptible("build", lambda state: steps.build_now(state, fresh=fresh), state)
    return detail


def log_in_with_openssh(folder: Folder, engine: Engine, command: Sequence[str], talk: Talk) -> int:
    """Hand the terminal to the real `ssh` client; its exit status. Raises EngineError: no container runs, or there is no `ssh`."""
    state = State(folder, engine, Options(), talk)
    return ready.log_in_with_openssh(replace(state, look=engine.look(), memory=memory.recall(folder.path)), command)


def keep_image(engine: Engine, label: str) -> str:
    """Give the image that was built last another name, which no later build takes; that name, empty where there is no image.

    Raises EngineError: the engine does not answer.
    """
    image = engine.look().image
    if not image:
        return ""
    name = f"{engine.project}-{SERVICE}:{label}"
    engine.tag(image, name)
    return name


def foresee(folder: Folder, engine: Engine, options: Options) -> dict[str, str]:
    """What `up` would do: each step and its detail. Raises EngineError: what its preflight raises."""
    state, found = steps.preflight(State(folder, engine, options, Talk(lambda line: None)))
    why_build, why_anew = steps.why_build(state), steps.why_recreate(state)
    container = state.look.container
    if container is None:
        begin = "create the container"
    elif why_anew or options.recreate:
        begin = f"create the container anew: {why_anew or 'asked for'}"
    elif container.paused:
        begin = "let the container go on, it is paused"
    else:
        begin = "nothing, it is running" if container.running else "start the container"
    renewed = {"ready": "renew the host keys"} if options.rotate_host_keys else {}
    return {
        "preflight": found,
        "build": why_build or "nothing",
        "start": begin,
        **renewed,
        "alias": alias.foresee(engine.project, options),
    }


def by_hand(connected: Connection, folder: Folder) -> str:
    """What a user can put into `~/.ssh/config`. Raises SshError: ssh_config has no way to write it."""
    return alias.by_hand(connected.project, connected.address, folder.settings)


def _interruptible(name: str, step: Callable[[State], tuple[State, str]], state: State) -> tuple[State, str]:
    try:
        return step(state)
    except KeyboardInterrupt:
        project = state.engine.project
        try:
            found = state.engine.container()
            state.talk.say(f"interrupted in {name}: container '{project}' is {found.in_words() if found else 'not created'}")
        except ComposegenError as error:
            state.talk.say(f"interrupted in {name}; {error.message}")
        raise
