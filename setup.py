"""Builds the compiled modules, each by itself and several at a time: every meterd/**/_*.pyx. Where there are several,
they are linked once more as one file with the beginnings of all, which spares a program to open some twenty
(`meterd.gateway.quick_import`).

METERD_DEBUG=1 builds with all of Cython's checks, debug symbols and the address and undefined-behaviour sanitizers,
for the fuzz targets (run them with the sanitizer runtime preloaded, as `make fuzz` does).
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

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
# A package's build knows its machine: what its CFLAGS say of optimizing goes (OpenWrt's ask for small code), and its
# compiler may know none of what else is asked for here.
IS_PACKAGED = "-O" in os.environ.get("CFLAGS", "")
OPTIMIZE = [] if IS_PACKAGED else ["-O2", "-fno-plt"]  # Python is called straight
COMPILE = ["-O1", "-g", *SANITIZE] if DEBUG else [*OPTIMIZE, "-g0"]
# Two parts to be mapped of each module instead of four: with some twenty of them that is felt at every start.
LINK = SANITIZE if DEBUG else [] if IS_PACKAGED else ["-Wl,-z,noseparate-code"]
JOBS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1

# What Python sees is described in the .pyi beside each; texts in a module would only take a gateway's flash and memory.
Options.docstrings = False

SOURCES = sorted(Path("meterd").rglob("_*.pyx"))
if not SOURCES:
    raise SystemExit("meterd/_*.pyx are missing: this is no whole source tree")

TOGETHER = [] if DEBUG or len(SOURCES) == 1 else [Extension("meterd._together", [])]
if DEBUG:
    for together in Path("meterd").glob("_together*.so"):
        together.unlink()  # a program would open that one, and none of those that are built here


def module(path):
    return Extension(
        ".".join(path.with_suffix("").parts), [str(path)], extra_compile_args=COMPILE, extra_link_args=LINK
    )


class Build(build_ext):
    """Each module as a file that any Python finds under its name; and of their objects, last, the one file of all."""

    def build_extensions(self):
        every = self.extensions
        self.extensions = [extension for extension in every if extension.sources]
        sources = [source for extension in self.extensions for source in extension.sources]
        objects = self.compiler.object_filenames(sources, output_dir=self.build_temp)
        self.force = self.force or not all(map(os.path.exists, objects))
        super().build_extensions()
        self.extensions = every
        for extension in every:
            if not extension.sources:
                self.link(objects, self.get_ext_fullpath(extension.name))

    def link(self, objects, place):
        if self.force or not os.path.exists(place) or max(map(os.path.getmtime, objects)) > os.path.getmtime(place):
            self.compiler.link_shared_object(objects, place, extra_postargs=LINK)


# Made by `python -m tools.manual`; where man, bash and zsh look beside a program's bin.
SHARED = {
    "share/man/man1": ["packaging/man/meterd.1"],
    "share/bash-completion/completions": ["packaging/completions/meterd"],
    "share/zsh/site-functions": ["packaging/completions/_meterd"],
}

setup(
    data_files=sorted(SHARED.items()),
    ext_modules=[
        *cythonize(
            [module(path) for path in SOURCES],
            compiler_directives=DIRECTIVES,
            build_dir="build/cython",
            force=DEBUG,
            nthreads=JOBS,
        ),
        *TOGETHER,
    ],
    cmdclass={"build_ext": Build},
    # What is built for fuzzing is never linked with what is not.
    options={"build_ext": {"parallel": JOBS}, "build": {"build_temp": "build/debug"} if DEBUG else {}},
)
