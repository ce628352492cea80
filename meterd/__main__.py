"""`python -m meterd` is `meterd`, and so is packaging/meterd."""

from .gateway.quick_import import install

install()
from .cli.main import program  # noqa: E402  # found as the others are

program()
