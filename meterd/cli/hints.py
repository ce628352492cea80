"""What to try when reading a device stops on a rung of the ladder: what an experienced colleague would ask first."""

from __future__ import annotations

from ..errors import PortGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Device
    from ..runtime.single import Evidence

OVER_TCP = {
    "port": "ping the address; check ip and port, whether the converter allows one more connection, and the firewall.",
    "bytes": "check the converter's own serial settings (speed, parity), the bus wires behind it, and the address.",
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
        "object": "read the whole list once (`meterd scan`) and copy the address as the meter prints it.",
    },
    "dlms": {
        "bytes": "the server address: give serial_number, or logical_address, physical_address and address_size (1, 2 "
        "or 4); a meter is silent to any other. On an optical head the mode is IEC.",
        "frame": "the mode: HDLC and WRAPPER are two different framings, and IEC signs on at 300 7E1 first.",
        "association": "client_address and auth belong together: 16 with None, 32 or 48 with Low or High and a "
        "password, as the meter's commissioning sheet says.",
        "key": "encryption_key, authentication_key and system_title, and whether the meter's invocation counter has "
        "run ahead (invocation_counter_obis).",
        "object": "list the objects that this client may see (`meterd scan`).",
    },
    "mbus": {
        "bytes": "meters talk 2400 8E1 as a rule (baudrate 2400, parity even); search the bus with `meterd scan`.",
        "frame": "several meters may share this address: `meterd scan` tells them apart by their secondary addresses.",
        "object": "list the meter's records with `meterd scan`.",
    },
    "elgama": {
        "address": "id must be the serial number printed on the meter.",
        "object": "the profile of this meter_model does not know the name: `meterd scan` writes a profile.",
    },
}


def hint(device: Device, rung: str, error: Exception | None, evidence: Evidence) -> str:
    """One sentence of advice, in lower case, with its full stop."""
    own = BY_PROTOCOL.get(device.protocol, {}).get(rung, "")
    general = (OVER_TCP if device.over_tcp() else SERIAL).get(rung, "")
    if rung == "port" and isinstance(error, PortGone) and "refused" in str(error):
        general = "nothing listens there: check the port number, and that the converter is in TCP server mode."
    if rung == "frame" and evidence.first_bytes and evidence.frames == 0 and _same_byte(evidence.first_bytes):
        general = "the same byte over and over is a line without bias or with crossed wires."
    return " ".join(filter(None, (general, own))) or "record the wire with --record and compare it with the manual."


def _same_byte(data: bytes) -> bool:
    return len(data) > 3 and len(set(data)) == 1
