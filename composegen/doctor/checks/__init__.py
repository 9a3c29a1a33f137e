"""Every check of `composegen doctor`, in the order in which they are shown. The next one: a function and a line here.

files          the folder itself: whether composegen and Compose can read what is in it
engine         Docker itself, and what it has under the folder's names
folder         what `.env` asks for, and the code folder
machine        disk, memory and limits of the engine's machine
network        registry, packages, proxy
gpu            whether the container will get its GPUs
container_gpu  whether a container of before still has them
"""

from composegen.doctor.checks import container_gpu, engine, files, folder, gpu, machine, network
from composegen.doctor.examining import Check

WAITING = 2.0  # seconds, for a check that waits for a network, a disk or a container; the engine's answer has a deadline of its own

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
    Check("compose", files.compose),
    Check("engine", engine.answers, silence="fail"),
    Check("names", engine.names),
    Check("networks", engine.networks),
    Check("users", engine.users),
    Check("architecture", engine.architecture),
    Check("exported", folder.exported),
    Check("port", folder.port),
    Check("login", folder.login),
    Check("host-key", folder.host_key),
    Check("code", folder.code, WAITING),
    Check("disk", machine.disk, WAITING),
    Check("memory", machine.memory),
    Check("shm", machine.shared_memory),
    Check("ulimits", machine.limits),
    Check("inotify", machine.watches),
    Check("clock", machine.clock),
    Check("registry", network.registry, WAITING, late=network.ELSEWHERE),
    Check("proxy", network.proxy),
    Check("certificates", network.certificates),
    Check("apt", network.apt, WAITING, late=network.ELSEWHERE),
    Check("pip", network.python_packages, WAITING, late=network.ELSEWHERE),
    *GPU,
    Check("gpu-lasting", gpu.lasting),
    Check("gpu-container", container_gpu.has_its_gpu, WAITING),
)
