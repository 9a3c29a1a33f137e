from tests.ssh.conftest import config, idle_sshd, key, server, sshd

__all__ = ["config", "idle_sshd", "key", "server", "sshd"]
