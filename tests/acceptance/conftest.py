"""What the acceptance tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@pytest.fixture
def build_environment(base_image: str) -> dict[str, str]:
    """Variables for a build here: the local base, and the host's certificates where the caller's environment trusts extra ones."""
    trusts_more = any(os.environ.get(name) for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE"))
    bundle = {"CA_BUNDLE": str(CERTIFICATES)} if trusts_more and CERTIFICATES.exists() else {}
    return {"BASE_IMAGE": base_image, **bundle}
