"""A small world of our own publications, served on loopback: the demo does real work with no network.

material.py, subjects.py   sentences, written for this project
articles.py                which articles there are, edition by edition, and their texts; deterministic
pages.py, feeds.py         how publications show them: layouts with all the usual clutter, RSS and Atom
server.py                  the HTTP server, with its slow, broken and dripping pages
"""

from .articles import Kind, all_entries, entries
from .server import DemoSite, Pace

__all__ = ["DemoSite", "Kind", "Pace", "all_entries", "entries"]
