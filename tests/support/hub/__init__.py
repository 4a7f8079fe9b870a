"""A model hub for tests: the Hugging Face Hub's HTTP API on loopback, with faults to switch on.

In a test: `with Hub(ready_made()) as hub:`; in a process of its own: `python -m support.hub`, or
`hub_process()`.
"""

from support.hub.contents import Content, Data, Entry, Made, OnDisk
from support.hub.exchange import Request
from support.hub.faults import Fault, Faults
from support.hub.models import declare, large, many_files, ready_made, tiny_chat, weights
from support.hub.process import HubProcess, hub_process
from support.hub.repositories import Commit, Repository, from_folder
from support.hub.server import Hub, Person

__all__ = [
    "Commit",
    "Content",
    "Data",
    "Entry",
    "Fault",
    "Faults",
    "Hub",
    "HubProcess",
    "Made",
    "OnDisk",
    "Person",
    "Repository",
    "Request",
    "declare",
    "from_folder",
    "hub_process",
    "large",
    "many_files",
    "ready_made",
    "tiny_chat",
    "weights",
]
