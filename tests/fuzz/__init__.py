"""Fuzzing of everything that decodes bytes: `make fuzz`, see `tests.fuzz.__main__`."""
