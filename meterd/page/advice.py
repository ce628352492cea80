"""What is wrong with a meter in a few plain words, and what to try: by reason, line and protocol.

Assumption: somebody stands before the meter, or is to be sent there, and has not read the manual. The last sentence
that was said of the meter (`trouble`) is the better guide to what happened; this says what to do.
"""

from __future__ import annotations

SLIP = "slip"  # not a reason of its own: `type` where no meter was asked
HEADLINES = {
    "wrong_meter": "another meter answers",
    "key": "its keys do not fit",
    "auth": "it does not accept password or client",
    "disconnected": "it cannot be reached",
    "no_bytes": "it does not answer",
    "timeout": "its answer breaks off",
    "bad_frame": "what comes makes no sense",
    "refused": "it refuses",
    "not_found": "it has no such value",
    "type": "a value is not of the kind that is configured",
    SLIP: "its configuration has a slip",
    "clock": "its time is not known",
    "not_read_yet": "not read yet",
    "good": "is read",
}
ADVICE = {
    "wrong_meter": "Compare the configured address or serial number with the meter's plate. Two meters may share one "
    "address, or the meter was exchanged.",
    "key": "Check the meter's keys and system title against its delivery note; the sentence says which of them fails.",
    "auth": "Check the password and, for DLMS, auth and client_address: they belong together.",
    "timeout": "Check for a loose wire or a head that does not sit well, then give it more time (timeout_ms).",
    "refused": "The meter said no: check that this client or password may read these values.",
    "not_found": "Copy the address exactly as the meter has it: `meterd scan` lists what there is.",
    "type": "What is configured and what the meter gives do not fit: mend what the sentence names. Most often it is "
    "number_type: a text wants STRING, a fraction DOUBLE.",
    SLIP: "Correct the parameter that the sentence names in the configuration, then reload it; `meterd check FILE` "
    "names every such slip with its line.",
    "clock": "Set the meter's clock.",
    "not_read_yet": "Wait for its turn: scan_rate_ms, and how many meters share its line, say how long that is.",
}
OVER_TCP = {
    "disconnected": "Check ip and port, that the converter has power and network, and that no other program holds its "
    "one connection.",
    "no_bytes": "The converter is there, the meter behind it is silent: check its power, the bus wires, the address, "
    "and speed and parity on the converter's serial side.",
    "bad_frame": "Check speed and parity on the converter's serial side: it passes on what it hears.",
}
ON_SERIAL = {
    "disconnected": "Check that the adapter is plugged in, its name under ports, and that no other program "
    "has it open.",
    "no_bytes": "Check the meter's power, the two bus wires (exchange them: nothing breaks), the optical head's seat "
    "(cable down), the address, speed and parity.",
    "bad_frame": "Check speed, data bits and parity first; then look for a second master or an echo on the bus.",
}
BY_PROTOCOL = {
    ("iec62056_21", "no_bytes"): " A lone meter needs no serialnumber (0); it opens with 300 7E1 as a rule.",
    ("dlms", "no_bytes"): " A DLMS meter is silent to any other server address or client_address than its own.",
    ("mbus", "no_bytes"): " M-Bus meters talk 2400 8E1 as a rule; the bus must have its 24 V and more.",
}


def headline(reason: str) -> str:
    return HEADLINES.get(reason, reason)


def advice(reason: str, protocol: str, over_tcp: bool) -> str:
    """'' where nothing is to be done."""
    first = (OVER_TCP if over_tcp else ON_SERIAL).get(reason) or ADVICE.get(reason, "")
    return first + BY_PROTOCOL.get((protocol, reason), "")
