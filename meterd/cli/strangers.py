"""Who is behind a port that is no meter: told by the first bytes that it sends.

Assumption: a service that greets, or answers what it does not understand, does so in the first bytes, in the way of its
own standard (HTTP RFC 9112, SSH RFC 4253, Telnet RFC 854, TLS RFC 8446, Modbus TCP, MQTT 3.1.1).
"""

from __future__ import annotations

TEXTS = (
    (b"HTTP/", "a web server (HTTP)"),
    (b"<!DOCTYPE HTML", "a web server (HTTP)"),
    (b"<HTML", "a web server (HTTP)"),
    (b"SSH-", "an SSH server"),
    (b"220 ", "a mail or file server"),
    (b"220-", "a mail or file server"),
    (b"+OK", "a mail server"),
    (b"* OK", "a mail server"),
    (b"-ERR", "a Redis or mail server"),
    (b"RTSP/", "a camera (RTSP)"),
)
IAC, TELNET_VERBS = 0xFF, range(0xFB, 0xFF)
TLS_ALERT = b"\x15\x03"
MODBUS_ANSWER = bytes.fromhex("00010000")
MODBUS_FUNCTIONS = (0x03, 0x83)


def who_talks(heard: bytes) -> str:
    """In words, '' where it cannot be told."""
    start = heard.lstrip(b"\r\n \x00")[:32].upper()
    for beginning, words in TEXTS:
        if start.startswith(beginning):
            return words
    if len(heard) >= 3 and heard[0] == IAC and heard[1] in TELNET_VERBS:
        return "a Telnet server (a serial server's console, or one that wants serial_server rfc2217)"
    if heard.startswith(TLS_ALERT):
        return "a server that wants TLS"
    if heard.startswith(MODBUS_ANSWER) and len(heard) >= 9 and heard[7] in MODBUS_FUNCTIONS:
        return "a Modbus TCP server"
    return ""
