"""What `.env` and exported variables say, as Settings held against what Compose, Linux and the engine take."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import get_args

from composegen import host
from composegen.errors import UsageError
from composegen.model import PROJECT_NAME, GpuMode, Settings, WrongSetting, project_name_from
from composegen.model.gpu import BASE_FILE, IDS, NO_GPU_FILE

# What the path of a file that a build reads may not hold, each seen with Compose 2.40 and buildx 0.29.
UNBUILDABLE = {
    '"': "buildx reads the paths of a build as CSV",
    ",": "buildx reads the paths of a build as CSV",
    "${": "buildx takes it for a variable",
}


def read_settings(env: Mapping[str, str], exported: Mapping[str, str]) -> Settings:
    """The settings in the variables of a `.env`; an exported variable beats it, as it does in Compose.

    Raises UsageError: a value that cannot be meant; the hint says where it is to be mended.
    """
    beaten = {name: exported[name] for name in Settings().to_variables() if name in exported}
    try:
        settings = Settings.from_variables({**env, **beaten})
        _refuse_invalid(settings)
    except WrongSetting as error:
        if error.variable not in beaten:
            raise
        raise UsageError(error.message, hint=f"unset or correct the exported {error.variable}{error.proposal}") from None
    return settings


def _refuse_invalid(settings: Settings) -> None:
    """Raises WrongSetting: what Compose, Linux or the engine would refuse later, and less clearly."""
    name, address = settings.project_name, settings.bind
    if name and not PROJECT_NAME.fullmatch(name):
        raise WrongSetting("COMPOSE_PROJECT_NAME", name, "not a name Compose accepts", example=project_name_from(name))
    if not _is_address(address):
        raise WrongSetting("SSH_BIND", address, "not an IP address that Docker takes", example="127.0.0.1")
    if not re.fullmatch(host.LINUX_USER, settings.user):
        raise WrongSetting("SSH_USER", settings.user, "not a Linux user's name", example=host.linux_user_name(settings.user))
    if settings.forward_agent not in ("yes", "no"):
        raise WrongSetting("SSH_FORWARD_AGENT", settings.forward_agent, "neither yes nor no", example="no")
    _refuse_wrong_gpus(settings)
    if settings.user in host.SYSTEM_USERS:
        raise WrongSetting("SSH_USER", settings.user, "a user of the system itself", example="dev")
    if settings.user != "root" and settings.uid == 0:  # the container would make no such user
        raise WrongSetting("SSH_USER", settings.user, "who cannot have root's USER_UID, 0", example="USER_UID=1000")
    for sign, reason in UNBUILDABLE.items():
        for variable, path in (("CA_BUNDLE", settings.ca_bundle), ("NETRC", settings.netrc)):
            if sign in path:
                raise WrongSetting(variable, path, f"which holds '{sign}': {reason}", example="a copy of it with a plainer name")


def _refuse_wrong_gpus(settings: Settings) -> None:
    if not re.fullmatch(IDS, settings.gpus):
        problem = f"neither all nor ids such as 0,1; COMPOSE_FILE={BASE_FILE}:{NO_GPU_FILE} hands over none"
        raise WrongSetting("GPUS", settings.gpus, problem, example="all")
    if settings.gpu_mode not in ("", *get_args(GpuMode)):
        raise WrongSetting("GPU_MODE", settings.gpu_mode, f"not one of {', '.join(get_args(GpuMode))}", example="cdi")


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text)) and "%" not in text
    except ValueError:
        return False
