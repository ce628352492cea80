"""M-Bus data records: bytes to exact values."""

from ._number import Number

SIGNED: int
"""Kind of a value: two's complement, BCD or real (EN 13757-3 type A, B, H)."""
UNSIGNED: int
"""Kind of a value: identification, flags, counts (types C and D)."""
TIME: int
"""Kind of a value: date, time or both (types F, G, I, J, M, told apart by their size; BCD: two digits a part)."""
OCTETS: int
"""Kind of a value: bytes with an inner form of their own, never text (containers, compact profiles)."""

class Meaning:
    """What a value information block says of the data behind it.

    A value is data × `factor` × 10^`exponent` `unit`, plus 10^(`exponent` + `offset`) where `offset` (-3 to 0, VIFE
    78..7B) is not None. `qualifiers` are the words of the VIFE. `error` is (quality, reason, words) where an error VIFE
    says that there is no value.
    """

    def __init__(
        self,
        quantity: str,
        unit: str | None = None,
        exponent: int = 0,
        *,
        factor: int = 1,
        offset: int | None = None,
        kind: int = ...,
        qualifiers: tuple[str, ...] = (),
        error: tuple[str, str, str] | None = None,
    ) -> None: ...
    @property
    def quantity(self) -> str: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def exponent(self) -> int: ...
    @property
    def factor(self) -> int: ...
    @property
    def offset(self) -> int | None: ...
    @property
    def kind(self) -> int: ...
    @property
    def qualifiers(self) -> tuple[str, ...]: ...
    @property
    def error(self) -> tuple[str, str, str] | None: ...

class Record:
    """One data record of a telegram.

    `function` is 'instantaneous', 'maximum', 'minimum', 'error' (value during an error state), or, for the rest of a
    telegram without structure, 'manufacturer' (DIF 0F), 'more_follow' (1F), 'reserved' or 'damaged' (never a value).
    `raw` is the whole record as it came, made of `dib`, `vib` (with the text of a plain-text VIF), LVAR if any, and
    `data`.
    """

    @property
    def function(self) -> str: ...
    @property
    def storage(self) -> int: ...
    @property
    def tariff(self) -> int: ...
    @property
    def subunit(self) -> int: ...
    @property
    def meaning(self) -> Meaning: ...
    @property
    def msb_first(self) -> bool: ...
    @property
    def quantity(self) -> str: ...
    @property
    def unit(self) -> str | None: ...
    @property
    def raw(self) -> bytes: ...
    @property
    def dib(self) -> bytes: ...
    @property
    def vib(self) -> bytes: ...
    @property
    def data(self) -> bytes: ...
    @property
    def value(self) -> int | Number | float | str | None:
        """In `unit`, exact; text, ISO 8601 time or hexadecimal text; None where `quality` is not good."""

    @property
    def quality(self) -> str:
        """One of `meterd.model.QUALITIES`."""

    @property
    def reason(self) -> str | None:
        """One of `meterd.model.REASONS`, None when good."""

    @property
    def remark(self) -> str:
        """Why there is no value, in words."""
