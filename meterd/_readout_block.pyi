"""The data sets of an IEC 62056-21 read-out."""

DataSet = tuple[str | None, str | None, int, str, str | None]
"""(address, effective_address, index, value, unit), all text latin-1.

address: text before '(' without blanks around it; None if the group follows another or begins a line.
effective_address: the last address seen, None before the first.
index: 0, 1, 2… counted over all groups of the block under that effective address, printed again or not.
value: characters between '(' and the first '*' or ')', exactly as sent. unit: those after that '*', or None.
"""

def parse_readout(block: bytes) -> list[DataSet]:
    """The data sets of a block of text. Never raises: a line that breaks the grammar costs only itself.

    Identification lines ('/' at line start) are left out, '!' outside parentheses ends the block, lines end with CR LF
    or bare LF, blanks around an address are dropped, units start after the first '*'.
    """
