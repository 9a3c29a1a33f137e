"""Programs that supervisor can keep running beside sshd. They listen inside the container only; an SSH forward reaches them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Service:
    title: str
    port: int  # of 127.0.0.1 in the container
    pip: str  # what is installed for it


# The next one: a line here, and how it is started in render/templates/services/NAME.conf.
SERVICES = {
    "jupyter": Service("JupyterLab", 8888, "jupyterlab"),
    "tensorboard": Service("TensorBoard", 6006, "tensorboard"),
}
