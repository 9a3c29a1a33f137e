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


def changed(text: str) -> dict[str, str]:
    return {line[2:]: line[0] for line in text.splitlines()}


def test_a_container_nobody_touched_has_nothing_to_lose() -> None:
    assert loss.files(changed(FRESH)) == ()


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
