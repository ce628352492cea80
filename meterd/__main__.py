"""`python -m meterd` is `meterd`."""

from .cli.main import program

program()
