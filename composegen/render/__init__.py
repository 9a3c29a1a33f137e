"""Choices × Stack → texts. Pure: the same values give the same files, and nothing is read or written but the templates.

`templates/` holds real files. Their lines beginning with `#%` are Jinja statements, so the compose template is a valid
Compose file and the Dockerfile template reads as a Dockerfile.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from composegen import document, dotenv
from composegen.model import HOST_GROUPS, SERVICES, Choices, Mount, Settings, Stack, Variant, Wanted
from composegen.model.gpu import ALL, CDI_KIND, NO_GPU_FILE, RUNTIMES
from composegen.model.record import FILE, record

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = 2  # the number of what `templates/` writes; it grows when their meaning changes, and folders record theirs

ALWAYS = (
    "compose.yaml",
    "Dockerfile",
    ".dockerignore",
    ".gitattributes",
    ".gitignore",
    ".env.example",
    "README.md",
    "apt.txt",
    "requirements.txt",
    "code/.gitkeep",
    "container/entrypoint.sh",
    "container/sshd.sh",
    "container/sshd_config",
)
DEVCONTAINER = ".devcontainer/devcontainer.json"
SUPERVISOR = ("container/supervisord.py", "services/README.md")


def render(choices: Choices, stack: Stack) -> dict[str, str]:
    """Every tracked file of the folder that `choices` describe, but what was generated last: `{relative path: text}`.

    Raises UsageError: the stack has no variant of these choices.
    """
    variant = stack.variant_of(choices)
    values = _values(choices, stack, variant)
    texts = {path: _template(path, values) for path in _paths(choices)}
    return {**texts, FILE: _as_json(variant)}


def _named_python(variant: Variant) -> str:
    """`python3.9` where the image has no Python, and apt brings one beside the distribution's own."""
    name = f"python{variant.contract.python}"
    return name if name in variant.apt else ""


def _as_json(variant: Variant) -> str:
    return json.dumps(record(variant), indent=1, ensure_ascii=False) + "\n"


def own_file(choices: Choices, want: Wanted) -> str:
    """The text of a machine's own compose file; empty where the folder's compose.yaml already says what is wanted."""
    if not want.needs_own_file(choices.gpu_mode):
        return ""
    return _template("gpus", {"project": choices.gpu_mode, "mode": want.mode, "device_ids": _device_ids(want)})


def _device_ids(want: Wanted) -> tuple[str, ...]:
    """As the machine's GPUS says. CDI wants each device by its name, and Compose cannot take a variable apart."""
    if want.mode == "cdi":
        return want.cdi_devices if len(want.ids) > 1 else (f"{CDI_KIND}=${{GPUS:-{ALL}}}",)
    return (f"${{GPUS:-{ALL}}}",)


def env(settings: Settings, choices: Choices) -> str:
    """The text of `.env`: every variable with a comment and its value."""
    return _template("env", _variables(settings, choices.env))


def env_example(choices: Choices | None = None) -> str:
    """The text of `.env.example`: the same variables and comments, with defaults and no person's values."""
    return _template(".env.example", _variables(_usual(choices), choices.env if choices else ()))


def _usual(choices: Choices | None) -> Settings:
    """What holds where nothing is set. Ascend's runtime knows no `all`: the first card, as where devices are handed over."""
    ascend = choices and (choices.device, choices.gpu_mode) == ("npu", "runtime")
    return Settings(gpus="0") if ascend else Settings()


def _variables(settings: Settings, env: tuple[tuple[str, str | None], ...]) -> dict[str, Any]:
    values = settings.to_variables()

    def line(name: str) -> str:
        """A variable without a value is a comment: Compose takes an empty COMPOSE_FILE or COMPOSE_PROJECT_NAME amiss."""
        return f"{name}={dotenv.quote(values[name])}" if values[name] else f"# {name}="

    return {"line": line, "own": [name for name, value in env if value is None]}


def _paths(choices: Choices) -> tuple[str, ...]:
    gpu = (NO_GPU_FILE,) if choices.device != "cpu" else ()
    supervisor = SUPERVISOR if choices.init == "supervisor" else ()
    devcontainer = (DEVCONTAINER,) if choices.devcontainer else ()
    return (*ALWAYS, *gpu, *supervisor, *(f"services/{name}.conf" for name in choices.services), *devcontainer)


def _values(choices: Choices, stack: Stack, variant: Variant) -> dict[str, Any]:
    return {
        **_handing_over(choices, variant),
        "title": stack.title,
        "stack": stack.name,
        "variant": variant,
        "image": choices.base or variant.image,
        "device": variant.device,
        "gpu": variant.device == "gpu",
        "groups": variant.groups,
        "security": variant.security_opt,
        "capabilities": variant.capabilities,
        "interpreter": variant.contract.interpreter,
        "named_python": _named_python(variant),
        "externally_managed": "externally-managed" in variant.contract.quirks,
        "shm": choices.shm or variant.shm,
        "init": choices.init,
        "sudo": choices.sudo,
        "mounts": choices.mounts,
        "env": [
            (document.scalar(name), f"${{{name}:-}}" if value is None else document.quoted(value)) for name, value in choices.env
        ],
        "apt": variant.apt,
        "pip": variant.pip,
        "pip_index": variant.pip_index,
        "framework": variant.framework,
        "wheels": choices.wheels,
        "services": [SERVICES[name] for name in choices.services],
        "user_apt": choices.apt,
        "user_pip": choices.pip,
        "devcontainer": choices.devcontainer,
        "own_base": bool(choices.base),
        "choices": document.choices_lines(choices, template=TEMPLATE),
        **_variables(_usual(choices), choices.env),
    }


def _handing_over(choices: Choices, variant: Variant) -> dict[str, Any]:
    """The device as the project's mode hands it over: a reservation, a vendor's runtime, or device files with the driver's own."""
    runtime = RUNTIMES.get(variant.device, "") if choices.gpu_mode == "runtime" else ""
    visible = f"{runtime.upper()}_VISIBLE_DEVICES" if runtime else ""
    return {
        "mode": choices.gpu_mode,
        "runtime": runtime,
        "visible": "" if visible in dict(choices.env) else visible,
        "first": _usual(choices).gpus,
        "device_ids": _device_ids(Wanted(choices.device, choices.gpu_mode, (ALL,))),
        "devices": () if runtime else variant.devices,
        "driver": () if runtime else tuple(map(Mount.parse, variant.mounts)),
    }


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from composegen.render.compiled import CompiledTemplates

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        bytecode_cache=CompiledTemplates.own(),
        undefined=StrictUndefined,
        line_statement_prefix="#%",
        keep_trailing_newline=True,
        autoescape=False,  # nothing here is HTML; values are quoted by the filters below
    )
    environment.filters["yaml"] = document.quoted
    environment.filters["shell"] = quote
    environment.filters["json"] = json.dumps
    environment.filters["distribution"] = _distribution
    environment.filters["host_group"] = _host_group
    return environment


def _host_group(name: str) -> str:
    """What `group_add` says of a group: one whose number is the host's comes from `.env`."""
    own = next((group for group in HOST_GROUPS.values() if group.name == name), None)
    return f"${{{own.variable}:-{own.otherwise}}}" if own else name


def _distribution(name: str) -> str:
    """A regular expression for a distribution's name as pip lists it; `nvidia-*` is every name that begins so."""
    return name.replace("-", "[-_.]").replace("*", "[^=]*")


def _template(path: str, values: dict[str, Any]) -> str:
    return _environment().get_template(path).render(values)
