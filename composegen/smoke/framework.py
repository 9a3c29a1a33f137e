"""Whether the framework works: Python code of the catalogue's, run by the container's interpreter."""

from __future__ import annotations

import shlex

from composegen.smoke.probe import COMMAND_TIMEOUT, Fail, Found, Skip, Visit
from composegen.smoke.pythons import INTERPRETER_FILE
from composegen.ssh import Result

TIMEOUT = 600.0  # seconds; the first run on a GPU compiles kernels
TAIL = 15  # lines of a failed check that are shown


def framework(visit: Visit) -> Found:
    """The framework's own check."""
    check = visit.target.check
    if check is None:
        raise Skip("this stack has no framework")
    if visit.target.device != "cpu" and not visit.target.gpus:
        raise Skip("the framework's check needs a GPU, and none is reserved")
    result = run_python(visit, check.code)
    proof = next((line.strip() for line in result.output.splitlines() if check.expect in line), "")
    if not proof or not result.ok:
        said = last_words(result.output) or f"nothing, and ended with status {result.status}"
        raise Fail(
            f"the check does not say '{check.expect}'; it ends with:\n{said}",
            hint=f"in the container: python -c {shlex.quote(check.code)}",
        )
    return Found(proof)


def run_python(visit: Visit, code: str) -> Result:
    """What code says to the container's interpreter, in a folder that is removed afterwards; stdout and stderr in one.

    One program at a time: frameworks take most of a GPU's memory, and the next one would find none.
    """
    python = f"$(cat {INTERPRETER_FILE} 2>/dev/null || command -v python3)"
    # Should this side go away, `timeout` ends the check there; nobody else would.
    run = f'timeout {TIMEOUT:.0f} "{python}" -c {shlex.quote(code)} 2>&1'
    with visit.one_program:
        return visit.shell(
            f'd=$(mktemp -d) && cd "$d" && {run}; s=$?; cd /; rm -rf "$d"; exit $s', timeout=TIMEOUT + COMMAND_TIMEOUT
        )


def last_words(output: str) -> str:
    """The end of what a program said."""
    return "\n".join(output.splitlines()[-TAIL:])
