"""Builds meterd for gateways and proves the packages without the hardware.

machines: what is built for · cache, debian, toolchain: a cross compiler and a Python of each machine · compiled,
third_party, byte_code, imports: what goes into packages · packages, ipk: the packages and their feed · elf, mini_opkg:
checked and installed · gateway_root, standin/, service: a gateway's root, its init scripts run, procd's rules ·
foreign: Debian's Pythons of other machines · instructions, memory, sizes: the figures.
"""
