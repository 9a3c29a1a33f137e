"""What an IDE needs to know of a container, and what it needs to have in there, or on this machine.

links        one line a client, as data
opener       the platform's own opener
pycharm      the fields of PyCharm's SSH interpreter dialog, for those without remote backends
products     one line an IDE that can be installed, as data
code_folder  what IDEs read in a folder of code, so that the interpreter is chosen already
jsonc        JSON with comments, edited without touching what is there
vendor/      what vendors publish → a verified archive of this machine
inside/      backends and extensions in a container
host/        Gateway or Toolbox on this machine
"""

from composegen.ide.links import CLIENTS, Client, Place, links

__all__ = ["CLIENTS", "Client", "Place", "links"]
