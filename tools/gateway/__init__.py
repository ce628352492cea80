"""Builds meterd for gateways and proves the packages without the hardware.

build: a cross compiler and a Python of each machine, and what is compiled for it · package: what goes into which
package, the packages and their feed, checked and installed as opkg does · prove: a gateway's root, its init scripts
run, procd's rules, Debian's Pythons of other machines, the figures. Imports point from the last to the first.
"""
