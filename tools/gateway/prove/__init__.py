"""The packages tried on emulated machines, and the figures.

gateway_root, standin/, service: a gateway's root, its init scripts run, procd's rules · foreign: unit tests on Debian's
Pythons of other machines · instructions, pushes, start_up, memory, sizes: the
figures.
"""
