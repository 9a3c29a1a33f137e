"""What an IDE needs to know of a container, and what it needs to have in there, or on this machine.

links           one line a client, as data
opener          the platform's own opener
pycharm         the fields of PyCharm's SSH interpreter dialog, for those without remote backends
products        one line an IDE that can be installed, as data
feed            a vendor's release feed → the release for an architecture
download        a URL → a file: resumed, with a bound on silence; SHA-256
archive, vsix   what is in an archive or an extension, before anything is unpacked
obtain          file, URL or feed → a verified archive of this machine
container       what of a container decides whether something fits into it
unpack          an archive into the container, as it comes over the line
backend         JetBrains' backends there: listed, put, registered, removed; `installing`: a whole installation
extensions      those of VS Code's and Cursor's servers there
host_install    Gateway or Toolbox on this machine, with places, placing, programs, records and desktop
code_folder     what IDEs read in a folder of code, so that the interpreter is chosen already
jsonc           JSON with comments, edited without touching what is there
"""

from composegen.ide.links import CLIENTS, Client, Place, links

__all__ = ["CLIENTS", "Client", "Place", "links"]
