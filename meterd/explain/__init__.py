"""Frames in words: every byte of what passed on a wire, layer by layer, with the clause that it is of.

The problem: "the meter answers, but not as expected" is settled by somebody who reads the bytes; most people cannot.
Assumption: a person reads the result; the decoders of the daemon give the values, and this room only walks beside them.
Rules of this room: a walk takes bytes only through `page.Walk`, so that each is told exactly once; what is damaged is
told as far as it goes, with what is wrong and where; keys are never shown. Nothing here is loaded by the daemon.

| module | explains |
|---|---|
| `page` | rows, and the walk that accounts for each byte |
| `known` | keys, titles and half-heard messages that later frames need |
| `source` | hex, files, wire logs as pieces of bytes |
| `frames` | which protocol a frame is of |
| `hdlc`, `wrapper` | links of DLMS (IEC 62056-46, IEC 62056-47) |
| `apdus`, `acse`, `services`, `ciphering`, `cosem` | its messages and data (Green Book 9.4, 9.5) |
| `iec62056_21` | sign-on, read-out, programming, P1 telegrams |
| `one_line` | a frame as one line, for `meterd trace` |
| `redaction` | what a log tells of whose meter it is, replaced |
| `mbus`, `mbus_records` | EN 13757-2 and -3 |
"""
