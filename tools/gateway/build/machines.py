"""The machines that packages are built for, and what an ELF file for each must look like.

The names are those of OpenWrt's package feeds. All run musl, as OpenWrt does; `arm_cortex-a7` without a suffix is the
soft-float feed, and both MIPS feeds are soft-float too.
"""

from __future__ import annotations

# e_machine numbers of the ELF specification, chapter 4.
EM_MIPS = 8
EM_ARM = 40
EM_X86_64 = 62
EM_AARCH64 = 183

SOFT = "soft"
HARD = "hard"


class Machine:
    """One row: how to compile for it, how to emulate it, how to recognise its files.

    `target` and `cpu` are the cross compiler's, `host` is what CPython's configure is told, `loader` the dynamic
    loader's path, `emulator` the command that runs it here. `musl` is the Debian architecture whose musl package fits,
    or, where none does, the prefix of the GNU compiler that builds it. `debian_next` is the architecture of sid whose
    Python has types of the same sizes.
    """

    __slots__ = (
        "big_endian", "bits", "cpu", "debian_musl", "debian_next", "elf_machine", "emulator", "float_abi", "gnu_flags",
        "gnu_prefix", "host", "loader", "name", "target",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        target: str,
        cpu: str,
        host: str,
        loader: str,
        emulator: tuple[str, ...],
        elf_machine: int,
        float_abi: str,
        *,
        bits: int = 32,
        big_endian: bool = False,
        debian_musl: str = "",
        debian_next: str | None = None,
        gnu_prefix: str = "",
        gnu_flags: str = "",
    ) -> None:
        self.name = name
        self.target = target
        self.cpu = cpu
        self.host = host
        self.loader = loader
        self.emulator = emulator
        self.elf_machine = elf_machine
        self.float_abi = float_abi
        self.bits = bits
        self.big_endian = big_endian
        self.debian_musl = debian_musl
        self.debian_next = debian_next
        self.gnu_prefix = gnu_prefix
        self.gnu_flags = gnu_flags


_ROWS = (
    # AR9331 and its kin: the WCC Lite's own processor.
    Machine(
        "mips_24kc", "mips-linux-musleabi", "mips32r2+soft_float", "mips-unknown-linux-musl",
        "/lib/ld-musl-mips-sf.so.1", ("qemu-mips-static", "-cpu", "24Kc"), EM_MIPS, SOFT,
        big_endian=True, gnu_prefix="mips-linux-gnu-", gnu_flags="-mips32r2 -msoft-float -mabi=32",
    ),
    Machine(
        "mipsel_24kc", "mipsel-linux-musleabi", "mips32r2+soft_float", "mipsel-unknown-linux-musl",
        "/lib/ld-musl-mipsel-sf.so.1", ("qemu-mipsel-static", "-cpu", "24Kc"), EM_MIPS, SOFT,
        gnu_prefix="mipsel-linux-gnu-", gnu_flags="-mips32r2 -msoft-float -mabi=32",
    ),
    Machine(
        "arm_cortex-a7", "arm-linux-musleabi", "cortex_a7+soft_float", "arm-unknown-linux-musleabi",
        "/lib/ld-musl-arm.so.1", ("qemu-arm-static", "-cpu", "cortex-a7"), EM_ARM, SOFT, debian_musl="armel",
        debian_next="armhf",
    ),
    Machine(
        "aarch64_cortex-a53", "aarch64-linux-musl", "cortex_a53", "aarch64-unknown-linux-musl",
        "/lib/ld-musl-aarch64.so.1", ("qemu-aarch64-static", "-cpu", "cortex-a53"), EM_AARCH64, HARD,
        bits=64, debian_musl="arm64", debian_next="arm64",
    ),
    Machine(
        "x86_64", "x86_64-linux-musl", "x86_64", "x86_64-unknown-linux-musl",
        "/lib/ld-musl-x86_64.so.1", ("qemu-x86_64-static",), EM_X86_64, HARD,
        bits=64, debian_musl="amd64", debian_next="amd64",
    ),
)  # fmt: skip

MACHINES = {machine.name: machine for machine in _ROWS}
