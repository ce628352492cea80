"""Elgama meters (manual, chapter 17.3): profiles resolved onto the DLMS and IEC 62056-21 conversations."""
