"""M-Bus, wired: EN 13757-2 (link layer) and EN 13757-3 (application layer), over a serial port or TCP.

A byte's way: `meterd._mbus` finds frames, `telegram` reads the header of one and has it cut into
records whose meaning `vif` knows; `conversation` talks to one meter, `driver` makes readings of it, `search` finds
meters.
"""
