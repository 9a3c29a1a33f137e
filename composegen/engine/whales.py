"""The only module that knows python-on-whales: what acts on a project by its name, and needs neither its folder nor a fast start.

Importing it costs 0.3 to 0.5 s, so it is imported when its first command runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from composegen.engine import failures
from composegen.errors import EngineError

if TYPE_CHECKING:
    from python_on_whales import DockerClient


@contextmanager
def client(project: str = "") -> Iterator[DockerClient]:
    """A client for one project. Whatever its library raises inside the block comes out as EngineError or CommandFailed."""
    from pydantic import ValidationError
    from python_on_whales import ClientNotFoundError, DockerClient, DockerException

    try:
        yield DockerClient(client_call=["docker"], compose_project_name=project or None)
    except ClientNotFoundError:
        raise failures.MISSING from None
    except DockerException as error:
        argv = ["docker", *map(str, error.docker_command[1:])]  # its own starts with an absolute path
        raise failures.failure(argv, error.return_code, error.stderr or error.stdout or "") from None
    except (ValidationError, ValueError, TypeError, LookupError, NotImplementedError) as error:
        fact = f"Docker answered in a way that is not understood: {error}"
        raise EngineError(fact, hint="upgrade composegen and python-on-whales") from error
    except OSError as error:
        raise EngineError(f"cannot run `docker`: {error.strerror or error}") from None


def start(project: str) -> None:
    with client(project) as docker:
        docker.compose.start()


def unpause(project: str) -> None:
    with client(project) as docker:
        docker.compose.unpause()


def stop(project: str, *, seconds: int | None) -> None:
    with client(project) as docker:
        docker.compose.stop(timeout=seconds)


def restart(project: str, *, seconds: int | None) -> None:
    with client(project) as docker:
        docker.compose.restart(timeout=seconds)


def down(project: str, *, volumes: bool, seconds: int | None) -> None:
    with client(project) as docker:
        docker.compose.down(volumes=volumes, timeout=seconds, quiet=True)


def tag(image: str, name: str) -> None:
    with client() as docker:
        docker.image.tag(image, name)


def changed_files(container: str) -> dict[str, str]:
    """Every path that differs from the image, with A, C or D."""
    with client() as docker:
        return docker.container.diff(container)
