"""The conformance block: 24 named bits that say which services a side knows (Green Book 9.4.6.1, 9.5)."""

from __future__ import annotations

from ....errors import DecodeError
from ....model import shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# In the order of the bits, first bit first.
NAMES = (
    "reserved-zero", "general-protection", "general-block-transfer", "read", "write", "unconfirmed-write",
    "delta-value-encoding", "reserved-seven",
    "attribute0-supported-with-set", "priority-mgmt-supported", "attribute0-supported-with-get",
    "block-transfer-with-get-or-read", "block-transfer-with-set-or-write", "block-transfer-with-action",
    "multiple-references", "information-report",
    "data-notification", "access", "parameterized-access", "get", "set", "selective-access", "event-notification",
    "action",
)  # fmt: skip
WIDTH = 3

_granted: dict[frozenset[str], frozenset[str]] = {}
_BIT = {name: 1 << (len(NAMES) - 1 - index) for index, name in enumerate(NAMES)}

# What a reader proposes under logical names, and under short names.
LN_READER = frozenset((
    "general-protection", "general-block-transfer", "block-transfer-with-get-or-read", "block-transfer-with-action",
    "multiple-references", "get", "selective-access", "action",
))  # fmt: skip
SN_READER = frozenset((
    "general-protection", "general-block-transfer", "read", "block-transfer-with-get-or-read", "multiple-references",
    "parameterized-access",
))  # fmt: skip
# What meters from before the second edition of the Green Book reserve, and some refuse for that.
NEWER = frozenset(("general-protection", "general-block-transfer"))


def encode(names: Iterable[str]) -> bytes:
    """Three octets with the named bits set. Raises: KeyError for a name that is not in NAMES."""
    return sum(_BIT[name] for name in set(names)).to_bytes(WIDTH, "big")


def decode(octets: bytes) -> frozenset[str]:
    """The names of the bits set in three octets. Raises: DecodeError."""
    if len(octets) != WIDTH:
        raise DecodeError(f"a conformance block has 3 octets, not {len(octets)}")
    bits = int.from_bytes(octets, "big")
    return frozenset(name for name, bit in _BIT.items() if bits & bit)


def common(granted: frozenset[str], proposed: frozenset[str]) -> frozenset[str]:
    """What both name; meters of one kind grant one and the same."""
    both: frozenset[str] = shared(_granted, granted & proposed)
    return both
