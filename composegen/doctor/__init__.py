"""What is wrong, and what to do about it. So far: the causes of errors that people meet, read from what a program said.

explain(stream)     an error text of any size and encoding → the causes in it, the root one first
explained(error)    an engine's failure in the words of its cause

causes/     the causes as data, one file per origin: adding one is adding an entry and its wordings in tests/doctor/wordings
cause       a cause and its patterns as values
reading     the files → causes, every problem at once, and the ready-made copy in the user's cache
schema      what such a file holds
text        bytes as they come → blocks that can be searched
explaining  blocks → causes
"""

from composegen.doctor.cause import Cause, Match
from composegen.doctor.explaining import explain, explained
from composegen.doctor.reading import causes

__all__ = ["Cause", "Match", "causes", "explain", "explained"]
