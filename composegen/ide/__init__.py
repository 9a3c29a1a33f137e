"""What an IDE needs to know of a container, and what it needs to have in there, or on this machine.

links    one line a client, as data
opener   the platform's own opener
pycharm  the fields of PyCharm's SSH interpreter dialog, for those without remote backends
products one line an IDE that can be installed, as data
feed     a vendor's release feed → the release for an architecture
download a URL → a file: resumed, with a bound on silence; SHA-256
archive  what is in an archive, before anything is unpacked
obtain   file, URL or feed → a verified archive of this machine
"""

from composegen.ide.links import CLIENTS, Client, Place, links

__all__ = ["CLIENTS", "Client", "Place", "links"]
