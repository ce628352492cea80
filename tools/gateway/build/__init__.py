"""A cross compiler and a Python of each machine, and what is compiled for it.

cache, debian: what is slow to make, and what Debian has · machines: what is built for · toolchain: compiler, C library
and Python · compiled, byte_code: meterd's own · third_party, foreign_parts: what others bring · elf: what a compiled
file is.
"""
