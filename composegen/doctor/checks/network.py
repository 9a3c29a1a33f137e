"""What the engine and a build must reach: the base image's registry, Debian's or Ubuntu's packages, Python's.

A build's own network is the engine's; what it reaches is asked from this host, by the proxies and certificates that it will get.
"""

from __future__ import annotations

import atexit
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from composegen.doctor.explaining import explained
from composegen.doctor.reading import fix
from composegen.doctor.site import Site, Unanswered, Verdict
from composegen.errors import CommandFailed, EngineError

PATIENCE = 1.6  # seconds
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
LOOPBACK = ("localhost", "::1")
SOURCES = ("etc/apt/sources.list", "etc/apt/sources.list.d")
# One-line style, `deb [options] URI suite`, and deb822 style, `URIs: URI`: sources.list(5)
ADDRESS = re.compile(r"(?m)^(?:deb(?:\s+\[[^]]*\])?|URIs:)\s+(https?://\S+)")
ELSEWHERE = "in China `composegen update --mirror cn` fetches from elsewhere; or mend network or proxy"


def registry(site: Site) -> Verdict:
    """The engine can fetch the base image."""
    _ = site.project
    if not site.base or site.look.base:
        return Verdict("ok", "the base image is there")
    try:
        site.engine.refuse_silent_registry(site.base)
    except EngineError as error:
        return Verdict("fail", error.message, error.hint or "")
    if site.info.goes_elsewhere:
        return Verdict("ok", "the engine has mirrors or a proxy of its own, so that its way was not tried")
    return Verdict("ok", f"the registry of {site.base} answers this host")


def proxy(site: Site) -> Verdict:
    """A proxy that is handed to a build is one that a build can reach."""
    _ = site.project
    given = {name: site.variables[name] for name in PROXIES if site.variables.get(name)}
    if not given:
        return Verdict("ok", "none is exported or in .env")
    here = [name for name, address in given.items() if _is_loopback(address)]
    if here:
        said = f"{', '.join(here)} is an address of this host's loopback, which in a build is the build's own"
        steps = (
            "let the proxy listen on the bridge as well, and name that: `docker network inspect bridge --format "
            "'{{(index .IPAM.Config 0).Gateway}}'` says its address"
        )
        return Verdict("warn", said, steps)
    return Verdict("ok", ", ".join(given))


def _is_loopback(address: str) -> bool:
    host = urlsplit(address if "://" in address else f"//{address}").hostname or ""
    return host in LOOPBACK or host.startswith("127.")


def apt(site: Site) -> Verdict:
    """Packages of the distribution can be fetched."""
    _ = site.project
    address = site.settings.apt_mirror or _own_source(site.root)
    if not address:
        raise Unanswered("APT_MIRROR is not set, and this host's own apt names no address to ask instead")
    trouble = _trouble(address, site.variables, site.settings.ca_bundle)
    if trouble:
        return Verdict("warn", f"{urlsplit(address).hostname}, asked from this host: {trouble}", ELSEWHERE)
    return Verdict("ok", f"{urlsplit(address).hostname} answers this host")


def _own_source(root: Path) -> str:
    """The first address that this host's own apt fetches from; empty where it has no apt."""
    for place in (root / each for each in SOURCES):
        for file in sorted(place.iterdir()) if place.is_dir() else [place]:
            try:
                found = ADDRESS.search(file.read_text(encoding="utf-8", errors="replace"))
            except OSError:
                continue
            if found:
                return found[1]
    return ""


def _trouble(address: str, variables: Mapping[str, str], bundle: str) -> str:
    """Why nothing answers there; empty where something does, whatever it says."""
    import ssl
    from urllib.error import HTTPError, URLError
    from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

    proxies = {name.partition("_")[0].lower(): variables[name] for name in PROXIES if variables.get(name)}
    try:
        trusted = ssl.create_default_context(cafile=bundle or None)
        build_opener(ProxyHandler(proxies), HTTPSHandler(context=trusted)).open(Request(address, method="HEAD"), timeout=PATIENCE)
    except HTTPError:
        return ""
    except URLError as error:
        return str(error.reason)
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def python_packages(site: Site) -> Verdict:
    """Python's packages can be fetched: asked by this host's own pip, which knows its index, proxies and certificates."""
    _ = site.project
    bundle = site.settings.ca_bundle
    environment = {
        **site.variables,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        **({"PIP_INDEX_URL": site.settings.pip_index_url} if site.settings.pip_index_url else {}),
        **({"PIP_CERT": bundle} if bundle else {}),
    }
    argv = [sys.executable, "-m", "pip", "index", "versions", "pip", "--timeout", f"{PATIENCE:g}", "--retries", "0"]
    null, pipe = subprocess.DEVNULL, subprocess.PIPE
    process = subprocess.Popen(argv, text=True, env=environment, stdin=null, stdout=null, stderr=pipe)
    atexit.register(process.kill)  # resolving a name can take it longer than anybody waits for us
    try:
        _, said = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        return Verdict("warn", f"asked from this host: the index did not answer within {PATIENCE:g} s", ELSEWHERE)
    if "No module named pip" in said:
        raise Unanswered("this Python has no pip that could ask")
    if process.returncode == 0:
        return Verdict("ok", "the index answers this host")
    error = explained(CommandFailed("pip cannot reach its index", argv=argv, output=said))
    if error.hint:
        title, _, steps = error.hint.partition("\n")
        return Verdict("warn", f"asked from this host: {title.rstrip(':')}", steps)
    words = next((line for line in reversed(said.splitlines()) if line.strip()), "pip does not say why")
    return Verdict("warn", f"asked from this host: {words[:200]}", ELSEWHERE)


def certificates(site: Site) -> Verdict:
    """The bundle of authorities that builds get can be read."""
    _ = site.project
    bundle = site.settings.ca_bundle
    if not bundle:
        return Verdict("ok", "the images' own")
    path = Path(bundle).expanduser() if Path(bundle).expanduser().is_absolute() else site.directory / bundle
    try:
        sound = "-----BEGIN CERTIFICATE-----" in path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return Verdict("fail", f"CA_BUNDLE {path}: {error.strerror}", fix("tls-inspected", site.systems))
    return (
        Verdict("ok", str(path))
        if sound
        else Verdict("fail", f"CA_BUNDLE {path} holds no certificate in PEM", fix("tls-inspected", site.systems))
    )
