"""Builds the compiled module, meterd/_core.pyx with its parts meterd/_*.pxi.

METERD_DEBUG=1 builds with all of Cython's checks, debug symbols and the address and undefined-behaviour sanitizers,
for the fuzz targets (run them with the sanitizer runtime preloaded, as `make fuzz` does).
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup

DEBUG = os.environ.get("METERD_DEBUG") == "1"

# Decoders prove every length by hand through one checked take(n), so Cython's own checks are off in a release build.
DIRECTIVES = {
    "language_level": "3",
    "boundscheck": DEBUG,
    "wraparound": DEBUG,
    "initializedcheck": DEBUG,
    "cdivision": not DEBUG,
    "binding": False,
    "embedsignature": False,
    "emit_code_comments": False,
    "auto_pickle": False,
    "always_allow_keywords": False,  # a function of one argument takes it by place
}
SANITIZE = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer"]
# A package's build knows its machine: what its CFLAGS say of optimizing goes (OpenWrt's ask for small code).
OPTIMIZE = [] if "-O" in os.environ.get("CFLAGS", "") else ["-O2"]
COMPILE = ["-O1", "-g", *SANITIZE] if DEBUG else [*OPTIMIZE, "-g0"]
LINK = SANITIZE if DEBUG else []

# What Python sees is described in _core.pyi; texts in the module would only take a gateway's flash and memory.
Options.docstrings = False

PARTS = sorted(map(str, Path("meterd").glob("_*.pxi")))
if not PARTS:
    raise SystemExit("meterd/_*.pxi are missing: this is no whole source tree")

core = Extension("meterd._core", ["meterd/_core.pyx"], depends=PARTS, extra_compile_args=COMPILE, extra_link_args=LINK)
setup(ext_modules=cythonize([core], compiler_directives=DIRECTIVES, build_dir="build/cython", force=DEBUG))
