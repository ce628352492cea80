"""What a value is, in plain words and in classes: "Active energy import, total", energy, import, kWh.

The problem: 1.0.1.8.0.255, `1.8.0` and `0C 06` are no names. People, Home Assistant, a workbook and a page all want the
same few words, and must not each have their own.
Rules of this room: data and lookups only; it stands on the ground floor, knows no device and no protocol's code, and is
loaded when somebody asks for a name, never at a daemon's start. What is not known has no name: a wrong one is worse.

| module | says |
|---|---|
| `quantities` | the kinds of quantity, their units, and a `Name` made of them |
| `obis` | the name of an OBIS code (IEC 62056-61, EN 13757-1), written in any of its forms |
| `records` | the name of an M-Bus record, from its quantity and what stands around it |
| `makers` | who makes it: FLAG letters, and what identifications, system titles and headers say of a meter |
| `home_assistant` | device class, state class and unit text of a name |
"""
