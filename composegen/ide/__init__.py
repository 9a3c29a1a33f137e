"""What an IDE needs to know of a container: the links that open it, and how this machine opens a link.

links        one line a client, as data
opener       the platform's own opener
pycharm      the fields of PyCharm's SSH interpreter dialog, for those without remote backends
code_folder  what IDEs read in a folder of code, so that the interpreter is chosen already
jsonc        JSON with comments, edited without touching what is there
"""

from composegen.ide.links import CLIENTS, Client, Place, links

__all__ = ["CLIENTS", "Client", "Place", "links"]
