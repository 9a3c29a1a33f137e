"""Day 30: does the folder's container still have its GPU, and would it start again?"""

from __future__ import annotations

from composegen.doctor.lost_gpu import ASK, Lost, inside, lost
from composegen.doctor.site import Mend, Site, Unanswered, Verdict
from composegen.engine import Container, Engine, loss, refuse_foreign
from composegen.errors import EngineError
from composegen.host import nvidia


def has_its_gpu(site: Site) -> Verdict:
    """The container sees its cards, with the driver of now."""
    container = _container(site)
    said = site.engine.inside(ASK) if container.running else ""
    driver = site.driver or nvidia.Driver()
    found = lost(container, driver, inside(said) if container.running else None)
    if found is None:
        return Verdict("ok", "it sees its GPU" if container.running else f"it is {container.in_words()}")
    return Verdict("fail", found.title, "\n".join(found.fix), _mend(site.engine, container, found))


def _container(site: Site) -> Container:
    """Raises Unanswered: there is none of this folder's with a GPU."""
    if site.wanted is None or not site.wanted.nvidia:
        raise Unanswered("no NVIDIA GPU is asked for")
    look = site.look
    try:
        refuse_foreign(site.engine, look)
    except EngineError as error:
        raise Unanswered(error.message) from error
    if look.container is None:
        raise Unanswered("this folder has no container yet")
    return look.container


def _mend(engine: Engine, container: Container, found: Lost) -> Mend | None:
    """What `composegen start` would do."""
    if found.mend == "start":
        return Mend(f"Start '{engine.project}'?", lambda: _started(engine))
    if found.mend == "recreate":
        losing = "; ".join(loss.in_words(engine.loss(container))) or "nothing"
        return Mend(f"Create '{engine.project}' anew? That loses {losing}.", lambda: _created_anew(engine))
    return None


def _started(engine: Engine) -> str:
    engine.start()
    return f"'{engine.project}' is started"


def _created_anew(engine: Engine) -> str:
    engine.up(recreate=True)
    return f"'{engine.project}' is created anew"
