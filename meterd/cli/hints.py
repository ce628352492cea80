"""What to try when reading a device stops on a rung of the ladder: what an experienced colleague would ask first."""

from __future__ import annotations

from ..errors import PortGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..daemon.one_scan import Evidence
    from ..model import Device

OVER_TCP = {
    "port": "ping the address; check ip and port, whether the converter allows one more connection, and the firewall.",
    "bytes": "check the converter's own serial settings (speed, parity) and the bus wires behind it.",
    "frame": "check the converter's own serial settings (speed, parity): it passes on what it hears.",
}
SERIAL = {
    "port": 'look the node up with `ls -l /dev/tty*`, check its mapping under "ports", that no other program has it '
    "open, and that you may use it (group dialout).",
    "bytes": "swap the two bus wires; check that the meter has power, the speed and parity, that the optical head sits "
    "right (cable downwards), and the address: a meter keeps silent when it is asked for another one.",
    "frame": "check speed, data bits and parity first: bytes that make no frame are most often the right meter at the "
    "wrong speed; then look for a second master or an echo on the bus.",
}
BY_PROTOCOL = {
    "iec62056_21": {
        "bytes": "leave serialnumber at 0 if this is the only meter; the opening speed is mostly baudrate 300, "
        "databits 7, parity EVEN; sleeping meters want wakeup_nuls.",
        "frame": "opening speed and parity (300 7E1 as a rule); if it stops after the identification, raise "
        "baud_change_delay_ms or t2: slow USB heads need up to 400 ms.",
        "association": "the password: the meter asked for one in programming mode and did not take this one.",
        "object": "copy the address as the meter prints it: `meterd scan` writes them all.",
    },
    "dlms": {
        "bytes": "check that address and mode are the meter's, for it is silent to any other. The server address: "
        "serial_number, or logical_address, physical_address and address_size (1, 2 or 4); client_address: 16 where "
        "nobody said otherwise; mode: DLMS-HDLC or, over TCP only, DLMS-WRAPPER, and IEC on an optical head.",
        "frame": "check the mode: HDLC and WRAPPER are two different framings, and IEC signs on at 300 7E1 first.",
        "association": "check client_address and auth, which belong together: 16 with None, 32 or 48 with Low or High "
        "and a password, as the meter's commissioning sheet says; and type, SN or LN.",
        "key": "check encryption_key, authentication_key and system_title, and whether the meter's invocation counter "
        "has run ahead (invocation_counter_obis).",
        "object": "list the objects that this client may see (`meterd scan`): others are for other clients.",
    },
    "mbus": {
        "bytes": "check the address. Meters talk 2400 8E1 as a rule (baudrate 2400, parity even).",
        "frame": "several meters may share this address: give each its secondary address.",
        "identity": "hold address and expect_serial against the number on the meter's plate.",
        "key": "check key: 32 hexadecimal digits, the meter's own, from its maker or the delivery note.",
        "object": "look at the records that the meter has: `meterd scan` writes them all.",
    },
    "elgama": {
        "identity": "id must be the serial number printed on the meter.",
        "object": "the profile of this meter_model does not know the name: `meterd scan` writes a profile.",
    },
}
# What a meter says is a better guide than the rung: words of an error, and what to try then.
BY_WORDS = {
    "dlms": (
        ("application context name", "change type: the meter knows objects by the other kind of names (SN or LN); or "
         "security: it wants this client ciphered, or in clear."),
        ("authentication required", "set auth and password: this client_address is let in with a password only."),
        ("mechanism name", "change auth: the meter wants this client_address to prove itself in another way."),
        ("authentication failure", "check password, and that it is the one of this client_address (octets are written "
         "0x…); with security also the keys and system_title. Meters lock up for minutes after a few wrong ones."),
        ("answers SNRM with DM", "wait some minutes: another client may be connected, or an association may have been "
         "left open; then check client_address."),
        ("rejects SNRM", "set max_info_field 128 and window_size 1: the meter takes a bare SNRM only."),
        ("in plaintext", "check security: the meter answers this client in clear; `none` believes that, keys do not."),
        ("authentication_key is wrong", "check authentication_key: encryption_key and system_title are right."),
        ("encryption_key is wrong", "check encryption_key, and that it is this meter's: the meter took ours, or "
         "answers without looking."),
        ("in use by another meterd", "read it through that one (`meterd read` asks it), or stop the service while you "
         "look: /etc/init.d/meterd stop, systemctl stop meterd."),
        ("was used before", "see whether the meter was exchanged or reset, then restart meterd: it takes the meter's "
         "count from its next answer. If it was not, somebody plays old answers back."),
        ("meterd counter", "do what the message says; it names the file."),
        ("cannot be kept", "make room on the disk, or make it writable: no number is used that is not on record."),
        ("expects", "give invocation_counter_obis: the meter has heard a higher invocation counter already."),
    ),
    "mbus": (
        ("no key is configured", "set key: 32 hexadecimal digits, from the meter's maker or the delivery note."),
        ("not encrypted", "remove key: the meter answers in clear; or look for another meter at this address."),
        ("CI ", "set job_todo to reset: the meter was left in another application; and check that this address is an "
         "M-Bus meter's."),
        ("busy", "raise scan_rate_ms and timeout_ms: the meter asks to be left alone for a while."),
    ),
}  # fmt: skip


def hint(device: Device, rung: str, error: Exception | None, evidence: Evidence, words: Iterable[str] = ()) -> str:
    """Advice in a few sentences; `words` what the meter said to single signals."""
    own = BY_PROTOCOL.get(device.protocol, {}).get(rung, "")
    general = (OVER_TCP if device.over_tcp() else SERIAL).get(rung, "")
    if rung == "port" and isinstance(error, PortGone) and "refused" in str(error):
        general = "nothing listens there: check the port number, and that the converter is in TCP server mode."
    if rung == "frame" and evidence.first_bytes and evidence.frames == 0 and _same_byte(evidence.first_bytes):
        general = "the same byte over and over is a line without bias or with crossed wires."
    said = _by_words(device.protocol, f"{error or ''} {' '.join(words)}")
    parts = [said] if said else [part for part in (general, own) if part]
    parts = parts or ["record the wire with --record and compare it with the manual."]
    return " ".join(part[0].upper() + part[1:] for part in parts)


def _by_words(protocol: str, text: str) -> str:
    for words, advice in BY_WORDS.get(protocol, ()):
        if words in text:
            return advice
    return ""


def _same_byte(data: bytes) -> bool:
    return len(data) > 3 and len(set(data)) == 1
