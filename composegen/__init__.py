"""composegen: one line gives a GPU container that an IDE opens over SSH."""

__version__ = "0.1.0"
