"""What IDEs read in a folder of code, so that the container's interpreter is chosen already: pure texts.

VS Code reads `.vscode/settings.json`, JetBrains' IDEs every run configuration of `.run/`
(https://www.jetbrains.com/help/pycharm/run-debug-configuration.html); `.idea` is the IDE's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from composegen.errors import FolderError
from composegen.ide import jsonc

VSCODE = ".vscode/settings.json"
INTERPRETER = "python.defaultInterpreterPath"  # until somebody selects another one for the workspace
TESTS = {"python.testing.pytestEnabled": True, "python.testing.unittestEnabled": False}


def run_file(project: str) -> str:
    return f".run/{project}.run.xml"


def vscode(text: str, interpreter: str) -> tuple[str, list[str]]:
    """Settings with the interpreter and pytest, and what was left as it is. `text`: what is there, of LF line ends; may be empty.

    Where anything is said of tests, all that is said of them stays. Raises FolderError: nobody can read it.
    """
    there = jsonc.read(text, name=VSCODE)
    wanted: list[Mapping[str, Any]] = [{INTERPRETER: interpreter}, TESTS]
    groups = [group for group in wanted if not group.keys() & there.keys()]
    kept = [
        f"{VSCODE} keeps its own {name}: {json.dumps(there[name], ensure_ascii=False)}, not {json.dumps(value)}"
        for group in wanted
        for name, value in group.items()
        if name in there and there[name] != value
    ]
    return jsonc.with_members(text, {name: value for group in groups for name, value in group.items()}, name=VSCODE), kept


def run_configuration(text: str, project: str, interpreter: str, script: str) -> tuple[str, list[str]]:
    """PyCharm's `Python` run and debug configuration of that name, and what was left as it is: one that is there stays.

    `script` is a path in the folder of code. Raises FolderError: what is there is no such configuration.
    """
    if not text:
        return _run_configuration(project, interpreter, script), []
    file = run_file(project)
    try:
        options = {each.get("name"): each.get("value") for each in ET.fromstring(text).iter("option")}
    except ET.ParseError as error:
        raise FolderError(f"'{file}' is no XML: {error}", hint="mend it first; nothing was written") from None
    said = options.get("SDK_HOME")
    return text, [] if said == interpreter else [f"{file} keeps its own SDK_HOME: {said or 'none'}, not {interpreter}"]


def _run_configuration(project: str, interpreter: str, script: str) -> str:
    component = ET.Element("component", name="ProjectRunConfigurationManager")
    kind = {"default": "false", "name": project, "type": "PythonConfigurationType", "factoryName": "Python"}
    configuration = ET.SubElement(component, "configuration", kind)
    ET.SubElement(configuration, "module", name="")
    options = {
        "PARENT_ENVS": "true",
        "SDK_HOME": interpreter,
        "IS_MODULE_SDK": "false",  # the module's may be another
        "WORKING_DIRECTORY": "$PROJECT_DIR$",
        "ADD_CONTENT_ROOTS": "true",
        "ADD_SOURCE_ROOTS": "true",
        "SCRIPT_NAME": f"$PROJECT_DIR$/{script}",
        "MODULE_MODE": "false",
    }
    for name, value in options.items():
        ET.SubElement(configuration, "option", name=name, value=value)
    ET.SubElement(configuration, "method", v="2")
    ET.indent(component)
    return ET.tostring(component, encoding="unicode") + "\n"
