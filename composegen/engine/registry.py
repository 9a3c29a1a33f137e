"""Does the registry of an image answer at all? Asked before a build, which would wait for minutes without a word."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing, suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from composegen.errors import EngineError

if TYPE_CHECKING:
    from http.client import HTTPConnection

PATIENCE = 3.0  # seconds that a registry has for an answer

# A host with IPv6 that leads nowhere still gets its images, because Docker tries both at once (RFC 8305); so do we.
EVERY_FAMILY = ("0.0.0.0", "::")


def registry_of(image: str) -> str:
    """The host, with its port if it has one, that Docker asks for `image`.

    Docker's rules: https://github.com/distribution/reference/blob/main/normalize.go
    """
    first, slash, _ = image.partition("@")[0].partition("/")
    named = slash and (set(first) & set(".:") or first == "localhost" or first != first.lower())
    return first if named and first not in ("docker.io", "index.docker.io") else "registry-1.docker.io"


def answers(registry: str, *, timeout: float = PATIENCE, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether something answers as that registry within `timeout` seconds in all, resolving its name included. Never raises.

    Any HTTP status is an answer, and so are a certificate that nobody trusts and words that are not HTTP: Docker says at once what
    is wrong with those. Silence is none, nor are a name that does not resolve, a refused port, a proxy that refuses, and a
    connection that ends without a word. True as well where it cannot be told: the proxy is of a kind that only Docker can use.
    """
    said: SimpleQueue[bool] = SimpleQueue()
    end = monotonic() + timeout

    def ask(source: str) -> None:
        said.put(_answers(registry, timeout, environment, source))

    # Resolving a name heeds no timeout, so that waiting for it is left to threads, which may go on after us.
    for source in EVERY_FAMILY:
        Thread(target=ask, args=(source,), daemon=True).start()
    with suppress(Empty):
        return any(said.get(timeout=max(end - monotonic(), 0)) for _ in EVERY_FAMILY)
    return False


def _answers(registry: str, timeout: float, environment: Mapping[str, str], source: str) -> bool:
    import ssl
    from http.client import HTTPException, InvalidURL, RemoteDisconnected

    try:
        connection = _connection(registry, environment, timeout=timeout, source_address=(source, 0))
        if connection is None:
            return True
        with closing(connection):
            connection.request("GET", "/v2/")
            connection.getresponse()
            return True
    except (RemoteDisconnected, ssl.SSLEOFError, ssl.SSLZeroReturnError, InvalidURL):  # cut off, or not the name of a host
        return False
    except (HTTPException, ssl.SSLError):
        return True
    except (OSError, ValueError):  # ValueError: not the name of a host either
        return False


def _connection(registry: str, environment: Mapping[str, str], **how: Any) -> HTTPConnection | None:
    """A connection to that registry, not yet opened; None if it would lead through a proxy that we cannot use."""
    import ssl
    from http.client import HTTPConnection, HTTPSConnection
    from urllib.parse import urlsplit

    host = urlsplit(f"//{registry}").hostname or registry
    # Docker speaks plain HTTP with a registry on this host, and no Go program asks a proxy for one.
    if host in ("localhost", "::1") or host.startswith("127."):
        return HTTPConnection(registry, **how)
    # Whoever answers, it is an answer: nothing is told to them, and nothing that they say is believed.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    proxy = _proxy(registry, environment)
    if not proxy:
        return HTTPSConnection(registry, context=context, **how)
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = parts.port or 80
    except ValueError:
        return None
    if parts.scheme != "http" or not parts.hostname:
        return None
    connection = HTTPSConnection(parts.hostname, port, context=context, **how)
    connection.set_tunnel(registry, headers=_login(parts.username, parts.password))
    return connection


def _proxy(registry: str, environment: Mapping[str, str]) -> str:
    """HTTPS_PROXY for that registry; empty where there is none or NO_PROXY names it. The lower-case names win, as in urllib."""
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed has only what it calls

    def variable(name: str) -> str:
        return environment.get(name) or environment.get(name.upper()) or ""

    excepted = variable("no_proxy")
    return "" if excepted and proxy_bypass_environment(registry, {"no": excepted}) else variable("https_proxy")


def _login(user: str | None, password: str | None) -> dict[str, str]:
    from base64 import b64encode
    from urllib.parse import unquote

    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}"
    return {"Proxy-Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


def unreachable(image: str) -> EngineError:
    """What to say when `answers` is False for the registry that an image has to come from."""
    return EngineError(
        f"{registry_of(image)} does not answer within {PATIENCE:g} s, so that the base image {image} cannot be fetched",
        hint="in China `composegen update --mirror cn` takes it from elsewhere; "
        "or mend network or proxy, or set BASE_IMAGE in .env to an image of `docker images`",
    )
