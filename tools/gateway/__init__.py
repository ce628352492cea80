"""Builds meterd for gateways and proves the packages without the hardware.

machines: what is built for · toolchain: a cross compiler and a Python of that machine · sysroot: foreign Pythons from
Debian · compiled: the compiled modules · packages: what goes into which ipk · ipk: the format · mini_opkg: checks and
installs one · service: runs the init scripts · rig: all of it under an emulator · instructions, memory: the figures.
"""
