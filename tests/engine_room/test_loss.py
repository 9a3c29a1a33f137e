from __future__ import annotations

from composegen.engine import loss
from composegen.engine.values import Loss

# What `docker diff` says of a container in which nobody did anything (measured on a produced `python` folder).
FRESH = """C /etc
C /etc/composegen
A /etc/composegen/authorized_keys
A /etc/composegen/password
C /etc/ssh
A /etc/ssh/authorized_keys
A /etc/ssh/host_keys
C /etc/profile.d
A /etc/profile.d/zz-composegen.sh
C /run
A /run/sshd.pid
C /var
C /var/log
A /var/log/lastlog
C /var/lib
A /var/lib/ide
C /root
A /root/.cursor-server
A /root/.local
A /root/.local/share
A /root/.local/share/JetBrains
A /root/.cache
A /root/.config
A /root/.config/JetBrains"""

# What NVIDIA's container toolkit 1.20 adds to it, seen with an H200 and driver 580.159.04; most libraries are left out.
OF_THE_GPU = """C /usr
C /usr/lib
C /usr/lib/x86_64-linux-gnu
A /usr/lib/x86_64-linux-gnu/libvdpau_nvidia.so.1
A /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.1
A /usr/lib/x86_64-linux-gnu/libcuda.so
A /usr/lib/x86_64-linux-gnu/libcuda.so.580.159.04
A /usr/lib/x86_64-linux-gnu/libnvcuvid.so
A /usr/lib/x86_64-linux-gnu/libnvoptix.so.1
A /usr/lib/x86_64-linux-gnu/gbm
A /usr/lib/x86_64-linux-gnu/gbm/nvidia-drm_gbm.so
A /usr/lib/x86_64-linux-gnu/libnvidia-ml.so.580.159.04
A /usr/lib/x86_64-linux-gnu/libnvidia-ml.so
A /usr/lib/x86_64-linux-gnu/libEGL_nvidia.so.0
A /usr/lib/x86_64-linux-gnu/libcuda.so.1
A /usr/lib/x86_64-linux-gnu/libGLX_indirect.so.0
C /usr/local
A /usr/local/nvidia
A /usr/local/nvidia/firmware
A /usr/local/nvidia/firmware/nvidia
A /usr/local/nvidia/firmware/nvidia/580.159.04
A /usr/local/nvidia/firmware/nvidia/580.159.04/gsp_ga10x.bin
A /usr/local/nvidia/firmware/nvidia/580.159.04/gsp_tu10x.bin
C /usr/bin
A /usr/bin/nvidia-smi
A /usr/bin/nvidia-persistenced
A /usr/bin/nvidia-debugdump
A /usr/bin/nvidia-cuda-mps-server
A /usr/bin/nvidia-cuda-mps-control
C /etc
C /etc/ld.so.conf.d
A /etc/ld.so.conf.d/zz-nvcr-2380750664.conf
A /etc/nvidia
A /etc/nvidia/nvidia-application-profiles-rc.d
A /etc/nvidia/nvidia-application-profiles-rc.d/10-container.conf
C /etc/ld.so.cache
C /run
A /run/nvidia-ctk-hook97de150e-a34b-48d7-8a3d-312d26b9cab1
A /run/nvidia-ctk-hook
A /run/nvidia-ctk-hook/56fef3de-28a4-4607-9568-0f76c1799d61
C /var
C /var/cache
C /var/cache/ldconfig
C /var/cache/ldconfig/aux-cache"""


def changed(text: str) -> dict[str, str]:
    return {line[2:]: line[0] for line in text.splitlines()}


def test_a_container_nobody_touched_has_nothing_to_lose() -> None:
    assert loss.files(changed(FRESH)) == ()


def test_what_the_engine_mounts_for_a_gpu_is_nobodys_work() -> None:
    assert loss.files(changed(f"{FRESH}\n{OF_THE_GPU}")) == ()


def test_what_somebody_installed_beside_the_driver_is_a_loss() -> None:
    mine = (
        "A /etc/ld.so.conf.d/mine.conf",
        "A /usr/bin/nvtop",
        "A /usr/lib/python3/nvidia_tool.py",
        "A /usr/lib/x86_64-linux-gnu/libcudnn.so.9",
    )
    assert loss.files(changed("\n".join([FRESH, OF_THE_GPU, *mine]))) == mine


def test_a_new_folder_is_named_once_and_a_changed_one_by_what_is_in_it() -> None:
    text = f"{FRESH}\nC /opt\nA /opt/tool\nA /opt/tool/bin\nA /opt/tool/bin/x\nC /usr\nC /usr/bin\nC /usr/bin/python\nD /usr/bin/vi"
    assert loss.files(changed(text)) == ("A /opt/tool", "C /usr/bin/python", "D /usr/bin/vi")


def test_a_users_own_files_beside_what_the_start_makes_are_seen() -> None:
    text = f"{FRESH}\nA /root/.config/mine\nA /root/notes.txt\nA /root/.bash_history"
    assert loss.files(changed(text)) == ("A /root/.config", "A /root/notes.txt")


def test_compiled_python_is_no_loss() -> None:
    assert loss.files({"/usr/lib/python3/x/__pycache__": "A", "/usr/lib/python3/x/__pycache__/a.pyc": "A"}) == ()


def test_the_containers_own_processes_are_nobodys_work() -> None:
    own = [
        "/usr/bin/python3 /usr/bin/supervisord -c /etc/composegen/supervisord.conf",
        "/sbin/docker-init -- /etc/composegen/entrypoint.sh",
        "grep --line-buffered -vE (Connection (closed|reset) by",
        "sshd: /usr/sbin/sshd -D -e [listener] 0 of 100-200 startups",
        "sshd: root@pts/0",
    ]
    assert loss.processes([*own, "python train.py", "-bash"]) == ("python train.py", "-bash")


def test_a_long_loss_is_said_in_two_lines() -> None:
    words = loss.in_words(Loss(tuple(f"A /opt/{n}" for n in range(9)), ("python train.py",)))
    assert words == [
        "changed outside the volumes: A /opt/0, A /opt/1, A /opt/2, A /opt/3, A /opt/4, and 4 more",
        "running: python train.py",
    ]
