"""The values everything else passes around. All frozen; each keeps its own invariants and knows nothing of files or engines.

stack     what the catalogue says
choices   what belongs to the project
gpu       which GPUs are asked for, and in which way
services  programs that may run beside sshd
settings  what belongs to a person or a machine
findings  what operations find
selection which variant of a stack is meant
record    a variant as JSON and back
ides      what IDEs need of the machine they work on
"""

from composegen.model.choices import Choices, Init, Mount, parse_shm
from composegen.model.findings import Finding, Outcome, Report
from composegen.model.gpu import GpuMode, Wanted, wanted
from composegen.model.services import SERVICES, Service
from composegen.model.settings import HOST_GROUPS, PROJECT_NAME, Settings, WrongSetting, project_name, project_name_from
from composegen.model.stack import Check, Contract, Device, Stack, Variant

__all__ = [
    "CODE_TARGET",
    "HOST_GROUPS",
    "PROJECT_NAME",
    "SERVICE",
    "SERVICES",
    "Check",
    "Choices",
    "Contract",
    "Device",
    "Finding",
    "GpuMode",
    "Init",
    "Mount",
    "Outcome",
    "Report",
    "Service",
    "Settings",
    "Stack",
    "Variant",
    "Wanted",
    "WrongSetting",
    "parse_shm",
    "project_name",
    "project_name_from",
    "wanted",
]

SERVICE = "dev"  # the one service of a produced folder
CODE_TARGET = "/home/code"  # where the code volume is in the container, as in the article
