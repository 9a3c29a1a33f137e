"""Every check of `composegen doctor`, in the order in which they are shown. The next one: a function and a line here.

engine         Docker itself: client, daemon, Compose, BuildKit, and who may use them
container_gpu  whether a container of before still has its GPU
"""

from composegen.doctor.checks import container_gpu, engine
from composegen.doctor.examining import Check

CHECKS = (
    Check("engine", engine.answers),
    Check("container-gpu", container_gpu.has_its_gpu),
)
