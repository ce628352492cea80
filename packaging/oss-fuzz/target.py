"""A target of tests/fuzz under atheris: named fuzz_hdlc.py, it fuzzes tests/fuzz/targets/hdlc.py.

Coverage is of the Python around the compiled modules, and of those where they were built with clang's
-fsanitize=fuzzer-no-link; the sanitizers watch both.
"""

import sys
from pathlib import Path

import atheris

NAME = Path(sys.argv[0]).stem.removeprefix("fuzz_")

with atheris.instrument_imports(include=["meterd", "tests.fuzz"]):
    from tests.fuzz.engine import load

    target = load(NAME)

if __name__ == "__main__":
    atheris.Setup(sys.argv, target.one)
    atheris.Fuzz()
