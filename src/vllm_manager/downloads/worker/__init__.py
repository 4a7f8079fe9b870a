"""The process that fetches: `python -m vllm_manager.downloads.worker`, standard library alone.

It is a process of its own so that the control plane neither waits for a disk nor shares its
interpreter with hashing; blocking sockets on threads, since reading, writing and hashing all leave
the interpreter's lock.
"""
