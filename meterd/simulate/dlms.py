"""A simulated DLMS/COSEM meter: HDLC, TCP wrapper or mode E; logical and short names; all eight authentications.

See `meter` for its options and the three modules `dlms_objects`, `dlms_server` and `dlms_link` for its parts.
"""

from __future__ import annotations

from ..conversation import LineSettings
from ..errors import ConfigError
from ..protocols.dlms import enumerations as codes
from ..protocols.dlms.apdus import conformance
from ..protocols.dlms.apdus.encode import encode
from ..protocols.dlms.links import address
from ..protocols.dlms.octets import secret_octets
from ..protocols.dlms.settings import key_reader
from .dlms_link import HdlcServer, serve_mode_e, serve_wrapper
from .dlms_objects import MeterObject, ObjectTable, Profile, standard_objects
from .dlms_server import Policy, ServerAssociation, Shared

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conversation import Conversation

    Answer = Callable[[int, bytes], bytes]

LINE = LineSettings(9600, 8, "none", 1)
SIGN_ON_LINE = LineSettings(300, 7, "even", 1)
DEFAULTS: dict[str, str] = {
    "mode": "hdlc", "type": "", "auth": "None", "password": "12345678", "serial": "12345678", "address": "",
    "logical": "0", "physical": "1", "size": "1", "security": "none", "suite": "0", "encryption_key": "",
    "authentication_key": "", "system_title": "53494D0000000001", "private_key": "", "client_public_key": "",
    "info": "1024", "window": "1", "bare_ua": "0", "strict_snrm": "0", "busy": "0", "idle_ms": "0", "hang_up": "0",
    "pdu": "65535", "lists": "yes", "blocks": "1", "gbt": "0", "selective": "1", "object_list": "1",
    "registers": "0", "rows": "300", "newest_first": "0", "sparse": "0", "grow": "0", "counts": "0", "confirms": "1",
    "readout": "0", "identification": "SIM5\\2DLMS",
}  # fmt: skip

KEYS = ("system_title", "encryption_key", "authentication_key", "private_key", "client_public_key")


def meter(**options: str) -> Callable[[], Conversation]:
    """A meter; every option is text, on/off ones are 1 and 0.

    mode: hdlc, wrapper, iec. type: LN or SN, empty for both. auth, password, security, suite, encryption_key,
    authentication_key, system_title, private_key, client_public_key: as the device parameters of the same names, from
    the meter's side. serial: makes the HDLC address by the usual formula if address is `serial`; address: hex; else
    logical, physical, size (over the wrapper the wPort). info, window: HDLC limits; bare_ua: no negotiation;
    strict_snrm: silent to SNRM with parameters; busy: RNR before each answer; idle_ms: hangs up after that silence;
    hang_up: forgets the link at every n-th request. pdu: largest APDU taken; lists: yes, no, refused, silent;
    blocks: block transfer; gbt: general block transfer instead; selective: selective access; object_list: given or
    refused. registers: so many energies 1.0.1.8.n.255; rows: rows of the profile 1.0.99.1.0.255; grow: further rows at
    each association; newest_first, sparse: how they are given. counts: Wh that 1.0.1.8.0.255 has more at each reading.
    confirms, readout, identification: mode E.

    Returns: a factory of meter-side conversations that share the meter's objects, counters and associations.
    Raises: TypeError for an option that there is not, ConfigError for a value that does not fit.
    """
    chosen = _chosen(options)
    answers = _answers(chosen)
    return lambda: _serve(chosen, answers())


def server(**options: str) -> Answer:
    """What such a meter answers over one connection, from client and APDU to APDU. Raises: as `meter`."""
    return _answers(_chosen(options))()


def _chosen(options: dict[str, str]) -> dict[str, str]:
    unknown = [name for name in options if name not in DEFAULTS]
    if unknown:
        raise TypeError(f"the simulated DLMS meter has no option {unknown[0]!r}")
    return {name: str(options.get(name, default)) for name, default in DEFAULTS.items()}


def _answers(chosen: dict[str, str]) -> Callable[[], Answer]:
    """For each connection what answers it."""
    profile = Profile("1.0.99.1.0.255", int(chosen["rows"]), _on(chosen, "newest_first"), _on(chosen, "selective"),
                      _on(chosen, "sparse"))  # fmt: skip
    objects = standard_objects(chosen["serial"], int(chosen["registers"]), profile, int(chosen["counts"]))
    shared = Shared(_policy(chosen), ObjectTable(objects, _on(chosen, "object_list")))
    counter = MeterObject(1, "0.0.43.1.0.255", {2: b""}, public=True)
    objects.append(counter)
    shared.table = ObjectTable(objects, _on(chosen, "object_list"))
    grow = int(chosen["grow"])

    def connection() -> Answer:
        associations: dict[int, ServerAssociation] = {}

        def answer(client: int, apdu: bytes) -> bytes:
            counter.attributes[2] = encode(codes.DOUBLE_LONG_UNSIGNED, max(shared.peer_counter - 1, 0))
            if apdu[:1] == bytes((codes.AARQ,)):
                profile.grow(grow)
            return associations.setdefault(client, ServerAssociation(shared, client)).answer(apdu)

        return answer

    return connection


def _on(chosen: dict[str, str], name: str) -> bool:
    return chosen[name] not in ("0", "", "no", "off")


def _serve(chosen: dict[str, str], answer: Answer) -> Conversation:
    if chosen["mode"] == "wrapper":
        port = address.wrapper_port(int(chosen["logical"]), int(chosen["physical"]))
        return serve_wrapper(port, answer)
    server = HdlcServer(
        _address(chosen), answer, int(chosen["info"]), int(chosen["window"]), _on(chosen, "bare_ua"),
        int(chosen["busy"]), _on(chosen, "strict_snrm"), int(chosen["idle_ms"]), int(chosen["hang_up"]),
    )  # fmt: skip
    if chosen["mode"] == "iec":
        return serve_mode_e(
            server, SIGN_ON_LINE, chosen["identification"], _on(chosen, "confirms"), _on(chosen, "readout")
        )
    return server.run()


def _address(chosen: dict[str, str]) -> bytes:
    try:
        if chosen["address"] == "serial":
            return address.serial_address(int(chosen["serial"]))
        if chosen["address"]:
            return address.parse_raw(chosen["address"])
        return address.server_address(int(chosen["logical"]), int(chosen["physical"]), int(chosen["size"]))
    except ValueError as error:
        raise ConfigError("address", str(error)) from None


def _policy(chosen: dict[str, str]) -> Policy:
    policy = Policy()
    names = {name.lower(): number for name, number in codes.MECHANISMS.items()}
    policy.mechanism = names[chosen["auth"].lower()]
    policy.secret = secret_octets(chosen["password"])
    policy.suite = int(chosen["suite"])
    policy.authenticate = chosen["security"] in ("authentication", "both")
    policy.encrypt = chosen["security"] in ("encryption", "both")
    high = policy.ciphered or policy.mechanism > codes.MECHANISM_LOW
    if high or any(chosen[name] != DEFAULTS[name] for name in KEYS):
        _read_keys(policy, chosen)
    policy.max_pdu = int(chosen["pdu"])
    policy.lists = chosen["lists"]
    policy.short_names = {"SN": True, "LN": False}.get(chosen["type"].upper())
    policy.features = _features(chosen)
    return policy


def _read_keys(policy: Policy, chosen: dict[str, str]) -> None:
    keys = key_reader()
    policy.title = keys.system_title(chosen["system_title"], "system_title")
    if chosen["encryption_key"]:
        policy.encryption_key = keys.symmetric_key(chosen["encryption_key"], "encryption_key", policy.suite)
    if chosen["authentication_key"]:
        policy.authentication_key = keys.symmetric_key(chosen["authentication_key"], "authentication_key", policy.suite)
    if chosen["private_key"]:
        policy.private_key = keys.private_key(chosen["private_key"], "private_key", policy.suite)
    if chosen["client_public_key"]:
        policy.client_key = keys.public_key(chosen["client_public_key"], "client_public_key", policy.suite)


def _features(chosen: dict[str, str]) -> frozenset[str]:
    """The conformance that the options leave."""
    without: set[str] = set()
    if chosen["lists"] == "no":
        without.add("multiple-references")
    if not _on(chosen, "blocks"):
        without.add("block-transfer-with-get-or-read")
    if not _on(chosen, "gbt"):
        without.add("general-block-transfer")
    if not _on(chosen, "selective"):
        without |= {"selective-access"}
    return (conformance.LN_READER | conformance.SN_READER | {"write"}) - without
