"""DLMS/COSEM (IEC 62056-46/-47/-5-3/-6-2; Green Book, Blue Book): links, associations, reading."""
