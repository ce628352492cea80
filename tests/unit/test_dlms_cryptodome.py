"""pycryptodomex as meterd finds it: not installed, or compiled for the other byte order."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

from meterd.errors import SecurityError
from meterd.protocols.dlms.security import keys
from meterd.protocols.dlms.security.cryptodome import cryptodome, elliptic_curves

NUMBER = 0xB582D8C910018302BA3131BAB9BB6838108BB9408C30B2E49285985256A59038
# RFC 8410, 10.1.
ED25519 = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----"""
# Ed25519 refuses its own base point, and MD5 is wrong.
FAULTY = """
import sys
from types import SimpleNamespace
from Cryptodome.Hash import MD5
from Cryptodome.Util import _raw_api
load = _raw_api.load_pycryptodome_raw_lib
class Faulty:
    def __init__(self, real):
        self.real = real
    def __getattr__(self, name):
        return (lambda *arguments: 15) if name == "ed25519_new_point" else getattr(self.real, name)
def faulty(name, declarations):
    library = load(name, declarations)
    return Faulty(library) if name.endswith("_ed25519") else library
_raw_api.load_pycryptodome_raw_lib = faulty
MD5.new = lambda data: SimpleNamespace(digest=lambda: bytes(16))
sys.byteorder = "big"
other, *given = sys.stdin.read().split("|")
"""
READERS = {
    "Cryptodome": """
try:
    from Cryptodome.PublicKey import ECC
    ECC.import_key(given[1])
except ValueError:
    print("ValueError")
""",
    "meterd": """
from meterd.errors import ConfigError
from meterd.protocols.dlms.security import keys
for suite in (1, 2):
    private = keys.private_key(given[2 * suite - 2], "private_key", suite)
    public = keys.public_key(given[2 * suite - 1], "peer_public_key", suite)
    if public.verifies(b"message", private.sign(b"message")):
        print("verified")
try:
    keys.public_key(other, "peer_public_key", 1)
except ConfigError:
    print("ConfigError")
""",
}


# RFC 6979, A.2.5 and A.2.6: security suite → private key, signature of "sample".
KNOWN = {
    1: (
        "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8",
    ),
    2: (
        "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
        "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46"
        "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8",
    ),
}


@pytest.mark.parametrize("suite", KNOWN)
def test_known_signatures(suite: int) -> None:
    """Curves that agree with themselves alone, as those of a library compiled wrongly might, are seen here."""
    digits, signature = KNOWN[suite]
    private = keys.private_key(digits, "private_key", suite)
    assert private.sign(b"sample").hex().upper() == signature
    assert private.public().verifies(b"sample", bytes.fromhex(signature))


def test_library_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Cryptodome.Cipher.AES", None)
    with pytest.raises(SecurityError, match="pycryptodomex"):
        cryptodome("Cipher.AES")


@pytest.mark.skipif(not find_spec("Cryptodome.PublicKey._ed25519"), reason="this old library has no Ed25519 to refuse")
@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        ("Cryptodome", ["ValueError"]),
        ("meterd", ["verified", "verified", "ConfigError"]),
    ],
)
def test_library_compiled_for_the_other_byte_order(reader: str, expected: list[str]) -> None:
    """As OpenWrt's feed compiles it for big-endian gateways; what it then does alone shows that this is the fault.

    Each in a process of its own: the library's parts can be loaded once.
    """
    given = [ED25519]
    for curve, digits in (("P-256", 64), ("P-384", 96)):
        public = elliptic_curves().construct(curve=curve, d=NUMBER).public_key()
        given += [f"{NUMBER:0{digits}x}", public.export_key(format="PEM")]
    program = [sys.executable, "-c", FAULTY + READERS[reader]]
    done = subprocess.run(program, input="|".join(given), capture_output=True, text=True, check=False)
    assert not done.stderr
    assert done.stdout.splitlines() == expected
