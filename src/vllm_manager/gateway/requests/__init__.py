"""Requests one by one: those under way, those that ended lately, their bodies if asked for.

`tracking`, `bodies` and `teller` run in every worker of the gateway, so they and `wire`, which both
sides share, import nothing heavy. `board`, `captures`, `service` and `routes` are the control
plane's.
"""
