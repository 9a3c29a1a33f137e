"""Registries that answer and registries that do not, all of them real servers on this machine.

`0.0.0.0` leads here as well, but Docker takes only localhost and 127.0.0.0/8 for this machine: it stands for a registry elsewhere.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from composegen.engine import Info
from composegen.engine.registry import answers, registry_of, unreachable

DIRECT: dict[str, str] = {}  # an environment without a proxy
PLENTY = 60.0  # seconds: for what answers, or fails by itself
SHORT = 0.3  # seconds: for what stays silent for ever
UNAUTHORIZED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

Talk = Callable[[socket.socket], None]
Serve = Callable[[Talk], int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server of this test that talks with everybody who connects; returns its port."""
    with ExitStack() as servers:
        yield lambda talk: servers.enter_context(server(talk))


@contextmanager
def server(talk: Talk) -> Iterator[int]:
    open_connections: list[socket.socket] = []

    def converse(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            talk(connection)

    def welcome() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_connections.append(connection)
                Thread(target=converse, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=welcome, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            for each in (listener, *open_connections):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)


def say(words: bytes) -> Talk:
    def talk(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(words)
        connection.recv(4096)  # until the other side is done

    return talk


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(4096):
        pass


def hang_up(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


# --- Which registry --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("python:3.12-slim", "registry-1.docker.io"),
        ("mindspore/mindspore-cpu:1.8.1", "registry-1.docker.io"),
        ("docker.io/library/python", "registry-1.docker.io"),
        ("index.docker.io/library/python", "registry-1.docker.io"),
        (f"python@sha256:{'0' * 64}", "registry-1.docker.io"),
        ("nvcr.io/nvidia/pytorch:26.06-py3", "nvcr.io"),
        ("localhost/python", "localhost"),
        ("localhost:5000/python:3", "localhost:5000"),
        ("registry.example:8443/a/b/c:1", "registry.example:8443"),
        ("[::1]:5000/python", "[::1]:5000"),
        ("Registry/python", "Registry"),
    ],
)
def test_the_registry_of_an_image_is_the_one_docker_asks(image: str, registry: str) -> None:
    assert registry_of(image) == registry


# --- What answers ----------------------------------------------------------------------------------------------------------


def test_any_status_is_an_answer(serve: Serve) -> None:
    asked: list[bytes] = []

    def refuse(connection: socket.socket) -> None:
        asked.append(connection.recv(4096))
        connection.sendall(UNAUTHORIZED)

    assert answers(f"127.0.0.1:{serve(refuse)}", timeout=PLENTY, environment=DIRECT)
    assert asked[0].startswith(b"GET /v2/ HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "words", [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"]
)
def test_an_error_is_an_answer_and_a_redirection_is_not_followed(serve: Serve, words: bytes) -> None:
    assert answers(f"localhost:{serve(say(words))}", timeout=PLENTY, environment=DIRECT)


def test_words_that_are_not_http_are_an_answer(serve: Serve) -> None:
    """As of a registry on this machine that speaks TLS only: this is an alert of TLS."""
    port = serve(say(b"\x15\x03\x01\x00\x02\x02\x46\n"))
    assert answers(f"127.0.0.1:{port}", timeout=PLENTY, environment=DIRECT)


def test_plain_http_where_tls_is_due_is_an_answer(serve: Serve) -> None:
    assert answers(f"0.0.0.0:{serve(say(UNAUTHORIZED))}", timeout=PLENTY, environment=DIRECT)


def test_a_certificate_that_nobody_trusts_is_an_answer(serve: Serve, tls: Talk) -> None:
    assert answers(f"0.0.0.0:{serve(tls)}", timeout=PLENTY, environment=DIRECT)


@pytest.fixture
def tls(tmp_path: Path) -> Talk:
    """The talk of a registry whose certificate it signed itself, for another name, and which has run out."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(worthless_certificate(tmp_path / "certificate.pem"))

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(4096)
            secure.sendall(UNAUTHORIZED)
            secure.recv(4096)

    return talk


def worthless_certificate(path: Path) -> Path:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "somebody-else.invalid")])
    then = datetime(2020, 1, 1, tzinfo=timezone.utc)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), then, then + timedelta(days=1))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption_algorithm=serialization.NoEncryption()
    )
    path.write_bytes(private + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


# --- What does not ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"], ids=["http", "https"])
def test_a_registry_that_accepts_and_stays_silent_does_not_answer(serve: Serve, host: str) -> None:
    assert not answers(f"{host}:{serve(say_nothing)}", timeout=SHORT, environment=DIRECT)


def test_a_registry_that_never_accepts_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        assert not answers(f"127.0.0.1:{listener.getsockname()[1]}", timeout=SHORT, environment=DIRECT)


def test_a_registry_that_says_one_letter_now_and_then_does_not_answer(serve: Serve) -> None:
    """Each letter is in time for the socket, but time is counted over all of them."""

    def dawdle(connection: socket.socket) -> None:
        connection.settimeout(SHORT / 4)
        while True:
            with suppress(TimeoutError):
                connection.recv(4096)
            connection.sendall(b"H")

    assert not answers(f"127.0.0.1:{serve(dawdle)}", timeout=SHORT, environment=DIRECT)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"], ids=["http", "https"])
def test_a_connection_that_ends_without_a_word_is_no_answer(serve: Serve, host: str) -> None:
    """As docker-proxy ends it with nothing behind, and as censors do."""
    assert not answers(f"{host}:{serve(hang_up)}", timeout=PLENTY, environment=DIRECT)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"], ids=["http", "https"])
def test_a_refused_port_is_no_answer(host: str) -> None:
    with socket.socket() as taken:  # bound and not listening: nobody else can come to listen there
        taken.bind(("127.0.0.1", 0))
        assert not answers(f"{host}:{taken.getsockname()[1]}", timeout=PLENTY, environment=DIRECT)


def test_a_name_that_does_not_resolve_is_no_answer() -> None:
    assert not answers("registry.invalid", environment=DIRECT)


@pytest.mark.parametrize("registry", ["", "a..b", "[::1", f"{'a' * 64}.invalid", "host:port", "127.0.0.1:99999", "a b"])
def test_what_is_not_the_name_of_a_registry_is_no_answer(registry: str) -> None:
    assert not answers(registry, environment=DIRECT)


# --- Proxies ---------------------------------------------------------------------------------------------------------------


class Proxy:
    """A talk: passes everybody on to one port of this machine, whatever they ask for, and keeps what that was."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked: list[bytes] = []

    def __call__(self, connection: socket.socket) -> None:
        self.asked.append(connection.recv(4096))
        with socket.create_connection(("127.0.0.1", self.port)) as registry:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            Thread(target=pass_on, args=(registry, connection), daemon=True).start()
            pass_on(connection, registry)


def pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while words := one.recv(4096):
            other.sendall(words)
        other.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
def test_the_registry_is_asked_through_the_proxy(serve: Serve, tls: Talk, variable: str) -> None:
    proxy = Proxy(serve(tls))
    environment = {variable: f"http://127.0.0.1:{serve(proxy)}"}

    assert answers("registry.invalid", timeout=PLENTY, environment=environment)
    assert proxy.asked[0].startswith(b"CONNECT registry.invalid:443 ")


def test_a_proxy_may_be_written_without_scheme_and_with_a_login(serve: Serve, tls: Talk) -> None:
    proxy = Proxy(serve(tls))
    environment = {"HTTPS_PROXY": f"me:p%40ss@127.0.0.1:{serve(proxy)}"}

    assert answers("registry.invalid:8443", timeout=PLENTY, environment=environment)
    assert proxy.asked[0].startswith(b"CONNECT registry.invalid:8443 ")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in proxy.asked[0]


@pytest.mark.parametrize("excepted", ["registry.invalid", ".invalid", "other.example, invalid", "*"])
def test_no_proxy_leads_past_it(serve: Serve, tls: Talk, excepted: str) -> None:
    proxy = Proxy(serve(tls))
    environment = {"HTTPS_PROXY": f"http://127.0.0.1:{serve(proxy)}", "NO_PROXY": excepted}

    assert not answers("registry.invalid", environment=environment)
    assert not proxy.asked


def test_a_registry_on_this_machine_is_never_asked_through_a_proxy(serve: Serve) -> None:
    proxy = Proxy(0)
    environment = {"HTTPS_PROXY": f"http://127.0.0.1:{serve(proxy)}"}

    assert answers(f"127.0.0.1:{serve(say(UNAUTHORIZED))}", timeout=PLENTY, environment=environment)
    assert not proxy.asked


@pytest.mark.parametrize("words", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"HTTP/1.1 502 Bad Gateway\r\n\r\n"])
def test_a_proxy_that_refuses_is_no_answer_of_the_registry(serve: Serve, words: bytes) -> None:
    environment = {"HTTPS_PROXY": f"http://127.0.0.1:{serve(say(words))}"}
    assert not answers("registry.invalid", timeout=PLENTY, environment=environment)


def test_a_registry_that_is_silent_behind_a_proxy_does_not_answer(serve: Serve) -> None:
    proxy = Proxy(serve(say_nothing))
    assert not answers("registry.invalid", timeout=SHORT, environment={"HTTPS_PROXY": f"127.0.0.1:{serve(proxy)}"})


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "https://127.0.0.1:1", "http://127.0.0.1:port", "http://"])
def test_a_proxy_that_only_docker_may_be_able_to_use_proves_nothing(proxy: str) -> None:
    assert answers("registry.invalid", timeout=PLENTY, environment={"HTTPS_PROXY": proxy})


# --- The engine's own way --------------------------------------------------------------------------------------------------

# As Engine 28.5 says it without any configuration.
PLAIN: dict[str, Any] = {
    "RegistryConfig": {
        "IndexConfigs": {"docker.io": {"Mirrors": [], "Name": "docker.io", "Official": True, "Secure": True}},
        "InsecureRegistryCIDRs": ["::1/128", "127.0.0.0/8"],
        "Mirrors": None,
    },
    "HttpProxy": "",
    "HttpsProxy": "",
    "NoProxy": "",
}


def test_an_engine_without_mirrors_and_proxy_goes_where_we_went() -> None:
    assert not Info.from_json(PLAIN).goes_elsewhere
    assert not Info.from_json({}).goes_elsewhere
    assert not Info.from_json({"RegistryConfig": None, "ServerErrors": ["permission denied"]}).goes_elsewhere
    assert not Info.from_json({"RegistryConfig": {"IndexConfigs": None}}).goes_elsewhere


@pytest.mark.parametrize(
    "own",
    [
        {"HttpProxy": "http://proxy.example:3128"},
        {"HttpsProxy": "http.docker.internal:3128"},
        {"RegistryConfig": {"Mirrors": ["https://mirror.example/"], "IndexConfigs": {}}},
        {"RegistryConfig": {"Mirrors": None, "IndexConfigs": {"docker.io": {"Mirrors": ["https://mirror.example/"]}}}},
    ],
    ids=["HTTP proxy", "HTTPS proxy", "mirrors", "mirrors of docker.io"],
)
def test_an_engine_with_a_mirror_or_proxy_goes_elsewhere(own: dict[str, Any]) -> None:
    assert Info.from_json({**PLAIN, **own}).goes_elsewhere


def test_a_registry_that_does_not_answer_is_said_with_the_ways_out() -> None:
    error = unreachable("python:3.12-slim")

    assert error.message == (
        "registry-1.docker.io does not answer within 3 s, so that the base image python:3.12-slim cannot be fetched"
    )
    assert error.hint
    for way_out in ("`composegen update --mirror cn`", "proxy", "BASE_IMAGE in .env"):
        assert way_out in error.hint
