"""What an ELF file says of itself: machine, byte order, word size, float ABI, and the libraries it needs."""

from __future__ import annotations

import struct

from .machines import EM_ARM, EM_MIPS, HARD, SOFT

# System V ABI, chapters 4 and 5; the MIPS ABI flags and ARM's e_flags from their own supplements.
_SHT_DYNAMIC = 6
_SHT_MIPS_ABIFLAGS = 0x7000002A
_DT_NEEDED = 1
_MIPS_SOFT_FLOAT = 3
_ARM_HARD_FLOAT = 0x400


class Elf:
    """The facts of one file. Raises: ValueError where it is no ELF file, or a damaged one."""

    __slots__ = ("big_endian", "bits", "float_abi", "machine", "needed", "stripped")

    def __init__(self, content: bytes) -> None:
        if content[:4] != b"\x7fELF":
            raise ValueError("not an ELF file")
        try:
            self.bits = 64 if content[4] == 2 else 32
            self.big_endian = content[5] == 2
            self._read(content)
        except (struct.error, IndexError):
            raise ValueError("a damaged ELF file") from None

    def _read(self, content: bytes) -> None:
        order = ">" if self.big_endian else "<"
        wide = self.bits == 64
        _, self.machine, _, _, _, table, flags, _, _, _, size, count, _ = struct.unpack_from(
            order + ("HHIQQQIHHHHHH" if wide else "HHIIIIIHHHHHH"), content, 16
        )
        layout = order + ("IIQQQQIIQQ" if wide else "IIIIIIIIII")
        sections = [struct.unpack_from(layout, content, table + number * size) for number in range(count)]
        self.stripped = not any(section[1] == 2 for section in sections)
        self.needed: list[str] = []
        abi = None
        for section in sections:
            kind, offset, length, link = section[1], section[4], section[5], section[6]
            if kind == _SHT_DYNAMIC:
                names = sections[link][4]
                entry = order + ("qQ" if wide else "iI")
                for tag, value in struct.iter_unpack(entry, content[offset : offset + length]):
                    if tag == _DT_NEEDED:
                        self.needed.append(content[names + value : content.index(b"\0", names + value)].decode())
            elif kind == _SHT_MIPS_ABIFLAGS and self.machine == EM_MIPS:
                abi = content[offset + 7]
        self.float_abi = _float_abi(self.machine, flags, abi)


def _float_abi(machine: int, flags: int, mips_abi: int | None) -> str:
    if machine == EM_MIPS:
        return SOFT if mips_abi == _MIPS_SOFT_FLOAT else HARD
    if machine == EM_ARM:
        return HARD if flags & _ARM_HARD_FLOAT else SOFT
    return HARD
