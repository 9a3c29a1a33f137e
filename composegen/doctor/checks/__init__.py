"""Every check of `composegen doctor`, in the order in which they are shown. The next one: a function and a line here.

engine  Docker itself: client, daemon, Compose, BuildKit, and who may use them
"""

from composegen.doctor.checks import engine
from composegen.doctor.examining import Check

CHECKS = (Check("engine", engine.answers),)
