"""Every probe, in the order of the report. A new one is a new line.

A name's first part is a group: `--without refused` leaves out all refused logins. `groups` are further ones.
"""

from composegen.smoke import access, environment, files, framework, gpu, ide, renewal, startup, system
from composegen.smoke.probe import Probe

PROBES = (
    Probe("banner", access.banner, needs_session=False),
    Probe("host-key", access.host_key, needs_session=False),
    Probe("login-key", access.login_key, needs_session=False),
    Probe("login-password", access.login_password, needs_session=False),
    Probe("refused-key", access.refused_key, needs_session=False),
    Probe("refused-password", access.refused_password, needs_session=False),
    Probe("refused-empty", access.refused_empty, needs_session=False),
    Probe("refused-keyboard", access.refused_keyboard, needs_session=False),
    Probe("refused-unknown", access.refused_unknown, needs_session=False),
    Probe("refused-anonymous", access.refused_anonymous, needs_session=False),
    Probe("key-renewal", renewal.key_renewal, needs_session=False),
    Probe("cipher-floor", access.cipher_floor, needs_session=False),
    Probe("identity", system.identity),
    Probe("environment", environment.environment),
    Probe("interpreter", system.interpreter),
    Probe("sftp", files.sftp, groups=("ide",)),
    Probe("forward", access.forward, groups=("ide",)),
    Probe("ide-libc", ide.libc),
    Probe("ide-tools", ide.tools),
    Probe("ide-shell", startup.shell),
    Probe("ide-resources", ide.resources),
    Probe("ide-watches", ide.watches),
    Probe("shm", system.shm),
    Probe("code-read", files.code_read),
    Probe("code-write", files.code_write),
    Probe("supervisor", system.supervisor),
    Probe("gpu", gpu.gpu),
    Probe("gpu-memory", gpu.memory),
    Probe("gpu-compute", gpu.compute),
    Probe("framework", framework.framework),
)
