"""A text without what nobody else may read: secrets, keys, and who and where somebody is.

Two nets, one below the other. What is known to be secret here is taken out wherever it stands, whatever it looks like; and what
looks like a secret is taken out, whether it is known or not. Rather too much goes than too little.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from composegen.dotenv import looks_secret

HIDDEN = "***"
PERSON, MACHINE, HOME, PLACE = "USER", "HOST", "~", "ADDRESS"
# A known value of fewer characters stands in any text by chance; it is taken out where it is a word, if its name says it is secret.
CHANCE = 8
# What of Compose's own answer may hold anything: arguments, labels, and the texts of configs.
PRIVATE = frozenset(
    ("environment", "env", "args", "labels", "annotations", "driver_opts", "options", "command", "entrypoint", "content")
)
_KEY_TYPE = r"(?:sk-)?(?:ssh|ecdsa)-[a-z0-9-]+(?:@openssh\.com)?"
_NAME = r"[\w.-]*(?:pass|pwd|secret|token|credential|api[_-]?key|access[_-]?key|private[_-]?key)[\w.-]*"
# Each pattern, and what stands for it.
LOOKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(rf"({_KEY_TYPE})[ \t]+AAAA[A-Za-z0-9+/=]+[^\n\"'\\]*"), rf"\1 {HIDDEN}"),
    (re.compile(r"AAAA[A-Za-z0-9+/=]{20,}"), HIDDEN),
    (re.compile(r"(\w://)[^\s\"']*@"), rf"\1{HIDDEN}@"),  # a user or password in an address
    (re.compile(r"(\w://[^\s\"'?]+\?)[^\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic)[ \t]+[\w.~+/=-]{12,}"), rf"\1 {HIDDEN}"),
    # Hugging Face, GitHub, GitLab, Slack, AWS, JSON Web Tokens, OpenAI and others
    (re.compile(r"\b(?:hf_|gh[pousr]_|github_pat_|glpat-|xox[abprs]-|AKIA|ASIA|eyJ|sk-(?!ssh|ecdsa))[\w.-]{8,}"), HIDDEN),
    (re.compile(r"\b[a-hjkmnp-z2-9]{5}(?:-[a-hjkmnp-z2-9]{5}){3}\b"), HIDDEN),  # as the container makes one and says it
    (re.compile(rf"(?i)({_NAME}[\"']?[ \t]*[=:][ \t]*)(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s,;{{\[]+)"), rf"\1{HIDDEN}"),
    (re.compile(rf"(?i)((?<!\w)--?{_NAME}[ \t]+)(?:\"[^\"\n]*\"|'[^'\n]*'|\S+)"), rf"\1{HIDDEN}"),
    (re.compile(r"\b[\w.+-]+@(?!openssh\.com)[\w-]+(?:\.[\w-]+)+\b"), f"{PERSON}@{MACHINE}"),
    (re.compile(r"/(home|Users)/(?!code\b)[^/\s\"':,;]+"), HOME),
)
_IP = re.compile(r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f]*)(?![\w.:]*[\w:])")


@dataclass(frozen=True)
class Redactor:
    """Call it with a text. `secrets` are values, wherever they stand; `words` says what stands for a name or a path."""

    secrets: frozenset[str] = frozenset()
    words: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, text: str) -> str:
        for secret in _longest_first(self.secrets):
            text = _word(secret).sub(HIDDEN, text) if len(secret) < CHANCE else text.replace(secret, HIDDEN)
        for pattern, instead in LOOKS:
            text = pattern.sub(instead, text)
        for word in _longest_first(self.words):
            text = _word(word).sub(self.words[word], text)
        return _IP.sub(_address, text)


def _longest_first(known: Iterable[str]) -> list[str]:
    """So that none is cut by a shorter one; what is empty stands everywhere."""
    return sorted(filter(None, known), key=len, reverse=True)


def _word(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])")


def _address(found: re.Match[str]) -> str:
    """Addresses of the Internet say where somebody is; those of this machine and of private networks are what a report is about."""
    try:
        return PLACE if ipaddress.ip_address(found[0]).is_global else found[0]
    except ValueError:
        return found[0]


def secret_values(variables: Iterable[tuple[str, str]], shown: frozenset[str]) -> frozenset[str]:
    """What to take out of every text: each line of each value whose variable is not among those `shown`."""
    return frozenset(
        line
        for name, value in variables
        for line in (value.strip(), *value.splitlines())
        if name not in shown and line and (looks_secret(name) or len(line) >= CHANCE)
    )


def masked(node: Any, shown: frozenset[str], found: set[str], *, private: bool = False) -> Any:
    """JSON with HIDDEN in place of every value under a PRIVATE key that is not among those `shown`; `found` gets these values."""
    if isinstance(node, dict):
        inside = {key: private or key in PRIVATE or (looks_secret(key) and isinstance(value, str)) for key, value in node.items()}
        return {
            key: value if private and key in shown else masked(value, shown, found, private=inside[key])
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [masked(each, shown, found, private=private) for each in node]
    if not private or node is None or node == "" or isinstance(node, bool):
        return node
    found.update(line for line in str(node).splitlines() if len(line) >= CHANCE)
    return HIDDEN
