"""IEC 62056-21: read-out in modes A, B and C, and registers in programming mode, over serial lines and TCP."""
