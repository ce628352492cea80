"""pycryptodomex, loaded when the first device asks for it, and its elliptic curves on gateways whose copy is faulty.

OpenWrt cross-compiles python3-cryptodomex, and the library's build takes the byte order of the machine that compiles
(its compiler_opt.py asks sys.byteorder; the same in 3.18 to 3.24). On a big-endian gateway whatever it reads or writes
as a little-endian number is therefore wrong: MD5, SHA-3, ChaCha20, Ed25519. What meters need is read the other way
round and right: AES, SHA-2, P-256, P-384. But Ed25519 refuses its own base point, which the library makes together
with the other curves: on its import (up to 3.20), so that there is no curve at all, or when the first key in PEM is
read (later ones), so that this key is refused.
"""

from __future__ import annotations

import sys

from ....errors import SecurityError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MD5_OF_NOTHING = bytes.fromhex("d41d8cd98f00b204e9800998ecf8427e")
# What the library's compiled functions return (its errors.h): done, and an error without further cause.
_DONE = 0
_FAILED = 32


def cryptodome(module: str) -> Any:
    """A module of pycryptodomex. Raises: SecurityError if not installed."""
    from importlib import import_module

    try:
        return import_module("Cryptodome." + module)
    except ImportError:
        raise SecurityError(
            "ciphering needs pycryptodomex (OpenWrt: python3-cryptodomex), which is not installed"
        ) from None


def elliptic_curves() -> Any:
    """The module Cryptodome.PublicKey.ECC. Raises: SecurityError if not installed."""
    if sys.byteorder == "big" and cryptodome("Hash.MD5").new(b"").digest() != _MD5_OF_NOTHING:
        _do_without_ed25519()
    return cryptodome("PublicKey.ECC")


def _do_without_ed25519() -> None:
    """Only so can the other curves be had: the module offers no way to leave one out."""
    interface = cryptodome("Util._raw_api")
    if not isinstance(interface.load_pycryptodome_raw_lib, _Loader):
        interface.load_pycryptodome_raw_lib = _Loader(interface.load_pycryptodome_raw_lib)


class _Loader:
    """Loads the library's compiled parts as before, but for Ed25519's."""

    __slots__ = ("_load",)

    def __init__(self, load: Callable[[str, str], Any]) -> None:
        self._load = load

    def __call__(self, name: str, declarations: str) -> Any:
        return _NoEd25519() if name.endswith("._ed25519") else self._load(name, declarations)


class _NoEd25519:
    """Stands for Ed25519's compiled functions: points may be made and freed, nothing can be computed with them."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Callable[..., int]:
        result = _DONE if name.endswith(("_new_point", "_free_point")) else _FAILED
        return lambda *arguments: result
