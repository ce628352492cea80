"""What a column's header stands for: a parameter of some protocol, one of the WCC Lite's own, or somebody's note."""

from __future__ import annotations

from difflib import SequenceMatcher

from ...parameters import BOOLEAN, INTEGER, Parameter
from ...protocols import registry
from ..validation import is_comment, names_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PARTS = ("devices", "signals")
# The WCC Lite's columns that say what meterd leaves to whoever takes the readings; the cells that change nothing.
FOREIGN: dict[str, tuple[str, ...]] = {
    "source_device_alias": (), "source_signal_alias": (), "tag_type": ("simple", "normal"), "off_message": (),
    "on_message": (), "log_size": (), "operation": (), "math_expression": (), "topic": (),
    "tag_job": ("1",),
}  # fmt: skip
_MEANT = 0.8  # likeness from which a header is a slip of the pen


class Columns:
    """The parameters of all protocols for one of the two kinds of sheets.

    `named` every name that a value may be given under → its parameter in each protocol that has it; `order` the names
    as tables have them, what every device or signal has first.
    """

    def __init__(self, part: str, packages: Sequence[str] = ()) -> None:
        self.part = part
        self.named: dict[str, dict[str, Parameter]] = {}
        self.order: list[str] = []
        for package in packages or registry.installed():
            tables = registry.tables(package)
            for parameter in tables.DEVICE if part == "devices" else tables.SIGNAL:
                if parameter.name not in self.order:
                    self.order.append(parameter.name)
                for name in names_of(parameter):
                    self.named.setdefault(name, {})[package] = parameter

    def one(self, name: str) -> Parameter | None:
        """The parameter of that name of any protocol; kinds and secrecy are the same in all."""
        return next(iter(self.named.get(name, {}).values()), None)

    def others(self, name: str) -> set[str]:
        """All names of the parameter `name`, older ones included."""
        return {each for parameter in self.named.get(name, {}).values() for each in names_of(parameter)}

    def slip(self, name: str) -> str | None:
        """The column most likely meant by a header that is none."""
        if name in self.named or name in FOREIGN or is_comment(name):
            return None
        likeness = {each: SequenceMatcher(None, name, each).ratio() for each in self.named}
        best = max(likeness, key=likeness.__getitem__, default="")
        return best if likeness.get(best, 0) >= _MEANT else None


def header(text: str) -> str:
    """`Device alias` and ` DEVICE_ALIAS ` are device_alias."""
    return "_".join(text.replace("\ufeff", "").replace("\u200b", "").split()).lower()


def is_code(name: str, parameter: Parameter) -> bool:
    """Whether its cells hold ASCII and nothing else: codes, numbers, choices."""
    codes = ("device_alias", "signal_alias", "protocol", "obis_job", "job_todo", "tag_job_todo")
    return name in codes or parameter.kind in (INTEGER, BOOLEAN) or bool(parameter.choices)
