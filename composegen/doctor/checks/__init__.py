"""Every check of `composegen doctor`, in the order in which they are shown. The next one: a function and a line here.

files   the folder itself: whether composegen and Compose can read what is in it
engine  Docker itself: client, daemon, Compose, BuildKit, and who may use them
gpu     whether the container will get its GPUs
"""

from composegen.doctor.checks import engine, files, gpu
from composegen.doctor.examining import Check

# In the way of a container that needs a GPU: `up` makes these as well, before it builds.
GPU = (
    Check("gpu-driver", gpu.driver),
    Check("gpu-engine", gpu.engine),
    Check("gpu-devices", gpu.devices),
    Check("gpu-cuda", gpu.cuda),
    Check("gpu-other", gpu.other),
)
CHECKS = (
    Check("folder", files.sound),
    Check("env", files.env),
    Check("engine", engine.answers),
    Check("compose", files.compose),
    *GPU,
    Check("gpu-lasting", gpu.lasting),
)
