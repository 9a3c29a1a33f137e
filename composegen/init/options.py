"""What each option of `init` may say, checked one by one: text as typed → the value it means.

Every function raises UsageError with the reason for what cannot be meant. None of them writes anything.
"""

from __future__ import annotations

import re
from pathlib import Path

from composegen import dotenv, passwords
from composegen.errors import UsageError
from composegen.host import LAST_PORT, LINUX_USER, SYSTEM_USERS
from composegen.model import Settings, project_name

LONGEST_NAME = 63  # what a host name's label may have, since an alias follows from it

# Patterns are text: compiling all of them would be a tenth of the time that `init` takes.
# https://github.com/distribution/reference, without its upper bound for every part
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_IMAGE = (
    rf"(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?{_COMPONENT}(?:/{_COMPONENT})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_PACKAGE = r"[a-z0-9][a-z0-9+.-]*[a-z0-9+.](?::[a-z0-9]+)?(?:=[A-Za-z0-9.+:~-]+)?"  # Debian policy 5.6.1 and 5.6.12
# https://packaging.python.org/en/latest/specifications/dependency-specifiers/, with blanks as the only white space
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_EXTRAS = rf"(?: *\[ *{_NAME}(?: *, *{_NAME})* *\])?"
_VERSION = r" *(?:===?|~=|!=|<=?|>=?) *[A-Za-z0-9._*+!-]+"
_MARKER = r"""(?: *; *\(*[a-z_.]+ *(?:[<>=!~]|in |not in )[A-Za-z0-9_.'"<>=!~(), -]+)?"""
_REQUIREMENT = rf"{_NAME}{_EXTRAS}(?:(?:{_VERSION}(?: *,{_VERSION})*)?| *@ *(?:git\+)?https?://[A-Za-z0-9._~:/?#&=%+@-]+){_MARKER}"
# https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention
_WHEEL = r"[A-Za-z0-9](?:[A-Za-z0-9._]*[A-Za-z0-9])?-[A-Za-z0-9_.!+]+(?:-[0-9][A-Za-z0-9_.]*)?(?:-[A-Za-z0-9_.]+){3}\.whl"
# What YAML cannot hold as it is, or takes for a line break: https://yaml.org/spec/1.1/#id868524
UNPRINTABLE = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
_CREDENTIALS = r"://[^/]*@"
_PASSWORD_IN_ADDRESS = r"://[^/:@\s]*:[^/@\s]+@"


def on_one_line(option: str, text: str) -> None:
    """No option but a variable's value may hold a line break: no file that is written could tell it from its own."""
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise UsageError(
            f"{option}: {text!r} holds a line break or control character", hint="give it on one line, in printable text"
        )


def name(text: str) -> str:
    if not 2 <= len(text) <= LONGEST_NAME and text:
        raise UsageError(f"'{text}' cannot be a container's name", hint=f"take 2 to {LONGEST_NAME} characters")
    return project_name(text)


def port(text: str) -> int:
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= LAST_PORT:
        raise UsageError(f"'{text[:20]}' is not a port", hint=f"a port is a number from 1 to {LAST_PORT}, such as 2222")
    return int(text)


def bind(text: str) -> str:
    from ipaddress import ip_address

    try:
        address = ip_address(text)
    except ValueError:
        raise UsageError(
            f"'{text}' is not an IP address", hint="127.0.0.1 is this machine only, 0.0.0.0 every network of it"
        ) from None
    if "%" in text:
        raise UsageError(f"'{text}' has a scope, which Docker does not take", hint="give the address without %…")
    return str(address)


def image(text: str) -> str:
    if not re.fullmatch(_IMAGE, text):
        raise UsageError(
            f"'{text}' is not the name of an image", hint="for example python:3.11-slim-bookworm or registry:5000/team/image:tag"
        )
    return text


def variable_name(text: str) -> str:
    if not re.fullmatch(_VARIABLE, text):
        raise UsageError(
            f"{text!r} is not a variable's name", hint="letters, digits and _, not starting with a digit: --env NAME=VALUE"
        )
    return text


def variable(text: str) -> tuple[str, str | None]:
    """`K=V`, or `K` whose value comes from .env. A secret is only taken by name, so that it lands in no tracked file."""
    key, equals, value = text.partition("=")
    variable_name(key)
    if key in Settings().to_variables():
        raise UsageError(f"{key} is composegen's own variable", hint="set it in .env, or with the option that is meant for it")
    if not equals:
        return key, None
    if value and (dotenv.looks_secret(key) or re.search(_PASSWORD_IN_ADDRESS, value)):
        raise UsageError(
            f"{key} looks like a secret, and compose.yaml is tracked", hint=f"use `--env {key}` and write the value into .env"
        )
    dotenv.refuse_unwritable(value)
    if re.search(UNPRINTABLE, value):
        raise UsageError(f"the value of {key} holds a control character", hint=f"use `--env {key}` and write the value into .env")
    return key, value


def user(text: str) -> str:
    if not re.fullmatch(LINUX_USER, text):
        raise UsageError(
            f"'{text}' is not a Linux user's name", hint="lower-case letters, digits, - and _; at most 32, a letter or _ first"
        )
    if text in SYSTEM_USERS:
        raise UsageError(f"'{text}' is a user of the system itself", hint="choose another name; --user root is root")
    return text


def password(text: str) -> str:
    if not text:
        raise UsageError("the password is empty", hint="leave --password out for keys only")
    passwords.refuse_unusable(text)
    return text


def package(text: str) -> str:
    if not re.fullmatch(_PACKAGE, text):
        raise UsageError(f"'{text}' is not a Debian package", hint="a name such as htop, or name=version")
    return text


def requirement(text: str) -> str:
    if not re.fullmatch(_REQUIREMENT, text):
        raise UsageError(f"'{text}' is not one Python requirement", hint="for example rich, rich>=13 or name[extra]==1.2")
    if re.search(_CREDENTIALS, text):
        raise UsageError(
            "a requirement with a user or password in its address", hint="requirements.txt is tracked; use --wheel FILE"
        )
    return text


def wheel_name(text: str) -> str:
    if not re.fullmatch(_WHEEL, text):
        raise UsageError(f"'{text}' is not a wheel's name", hint="NAME-VERSION-PYTHON-ABI-PLATFORM.whl, as pip downloads it")
    return text


def wheel(path: Path) -> str:
    """The wheel's file name."""
    from zipfile import is_zipfile

    wheel_name(path.name)
    try:
        if not path.is_file():
            raise UsageError(f"no file '{path}'", hint="give the path of a .whl file")
        sound = is_zipfile(path)
    except OSError as error:
        raise UsageError(f"cannot read '{str(path)[-80:]}': {error.strerror}", hint="give the path of a .whl file") from None
    if not sound:
        raise UsageError(f"'{path}' is not a wheel: it is no zip archive", hint="download it again")
    return path.name
