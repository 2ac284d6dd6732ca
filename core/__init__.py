"""Motion transfer: what pages and command line are made of."""

__version__ = "0.1.0"
