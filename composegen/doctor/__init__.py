"""What is wrong, and what to do about it: on this host, and in what a program said.

examine(site)       a folder, its engine and this host → what every check finds
explain(stream)     an error text of any size and encoding → the causes in it, the root one first
explained(error)    an error of engine or SSH in the words of its cause

checks/     what is looked at, one small function each: adding one is a function and its line in checks/__init__.py
offer       which GPU modes an engine offers
site        what checks look at, and what they say
examining   checks side by side, each with its own deadline
report      one file to attach to a bug report
redaction   a text without secrets, keys and names

causes/     the causes as data, one file per origin: adding one is adding an entry and its wordings in tests/doctor/wordings
cause       a cause and its patterns as values
reading     the files → causes, every problem at once, and the ready-made copy in the user's cache
schema      what such a file holds
text        bytes as they come → blocks that can be searched
explaining  blocks → causes
"""

from composegen.doctor.cause import Cause, Match
from composegen.doctor.checks import CHECKS
from composegen.doctor.examining import Diagnosis, Finding, begin, examine
from composegen.doctor.explaining import advice, explain, explained, root_cause
from composegen.doctor.reading import causes
from composegen.doctor.site import Site

__all__ = [
    "CHECKS",
    "Cause",
    "Diagnosis",
    "Finding",
    "Match",
    "Site",
    "advice",
    "begin",
    "causes",
    "examine",
    "explain",
    "explained",
    "root_cause",
]
