"""Why a broker is not reached, or does not want us: one sentence each, with what to do next.

Assumptions: OpenSSL's numbers of what is wrong with a certificate (X509_V_ERR_…) and its names of alerts; the return
codes of MQTT 3.1.1, clause 3.2.2.3, in the numbers of MQTT 5 under which paho tells them.
Dirt it must survive: errors of any kind, from the resolver to the disk that holds a key.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

REFUSALS = {
    0x80: "the broker refuses this client without a reason",
    0x84: "the broker does not speak MQTT 3.1.1",
    0x85: "the broker does not take the client_id",
    0x86: "the broker does not accept user and password",
    0x87: "the broker says that this client is not authorised; look at user, password, certificate and its access list",
    0x88: "the broker is not available just now, it says",
    0x8A: "the broker has banned this client",
}
CERTIFICATES = {
    9: "the broker's certificate is not valid yet; this gateway's clock says {now}, set it",
    10: "the broker's certificate has expired; this gateway's clock says {now}",
    62: "the broker's certificate is for another name than {host}; name the host as the certificate does",
    64: "the broker's certificate is for another address than {host}; name the host as the certificate does",
}
UNTRUSTED = (2, 18, 19, 20, 21)
UNTRUSTED_WORDS = "the broker's certificate is signed by nobody in {ca}; ca_file must hold the CA that signed it"
CLOSED_IN_HANDSHAKE = "the broker ended the TLS handshake; is port {port} one that speaks TLS?"
CLOSED = "the broker closes the connection before it answers; does port {port} want TLS?"
CLOSED_AFTER_HANDSHAKE = (
    "the broker ends the connection right after the TLS handshake; does it ask for a certificate_file, or for another?"
)
# Part of OpenSSL's text: what it means.
ALERTS = (
    ("CERTIFICATE_REQUIRED", "the broker asks for a client certificate; name it in certificate_file"),
    ("HANDSHAKE_FAILURE", "the broker and this gateway agree on no way of TLS, or it asks for a client certificate"),
    ("UNKNOWN_CA", "the broker does not know who signed this gateway's certificate_file"),
    ("CERTIFICATE_EXPIRED", "the broker says that this gateway's certificate_file has expired"),
    ("BAD_CERTIFICATE", "the broker does not accept this gateway's certificate_file"),
    ("CERTIFICATE_UNKNOWN", "the broker does not accept this gateway's certificate_file"),
    ("WRONG_VERSION_NUMBER", "no TLS is spoken at port {port}; it may be the plain port"),
    ("RECORD_LAYER_FAILURE", "no TLS is spoken at port {port}; it may be the plain port"),
    ("PROTOCOL_VERSION", "the broker wants another version of TLS"),
    ("UNEXPECTED_EOF", CLOSED_IN_HANDSHAKE),
    ("KEY_VALUES_MISMATCH", "key_file does not belong to certificate_file"),
    ("NO_CERTIFICATE_OR_CRL_FOUND", "a certificate file holds no certificate (PEM)"),
    ("NO_START_LINE", "a certificate file holds no certificate (PEM)"),
    ("PEM lib", "a certificate file or key_file is not readable as PEM"),
)


def refusal(code: int, words: str) -> str:
    """Of a CONNACK."""
    return REFUSALS.get(code, f"the broker refuses this client: {words}")


def of_error(error: BaseException, settings: dict[str, Any]) -> str:
    """Of whatever was raised while connecting."""
    number = getattr(error, "verify_code", None)
    if number is not None:
        return _of_certificate(number, str(getattr(error, "verify_message", error)), settings)
    kind = type(error).__name__
    if kind == "gaierror":
        return f"the name {settings['host']} is not found: {getattr(error, 'strerror', error)}"
    if isinstance(error, TimeoutError):
        return f"no answer from {settings['host']} port {settings['port']} in time"
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens at {settings['host']} port {settings['port']}"
    if isinstance(error, ConnectionError):
        return _filled(CLOSED_IN_HANDSHAKE if settings["tls"] else CLOSED, settings)
    return of_text(str(error), settings) or _plain(error)


def of_text(text: str, settings: dict[str, Any]) -> str:
    """Of the text of a TLS error; '' where it is none that is known."""
    for part, words in ALERTS:
        if part in text:
            return _filled(words, settings)
    return ""


def _of_certificate(number: int, message: str, settings: dict[str, Any]) -> str:
    if number in UNTRUSTED:
        return _filled(UNTRUSTED_WORDS, settings)
    return _filled(CERTIFICATES.get(number, "the broker's certificate is not accepted: " + message), settings)


def _filled(words: str, settings: dict[str, Any]) -> str:
    from time import gmtime, strftime

    return (
        words.replace("{now}", strftime("%Y-%m-%d %H:%M UTC", gmtime()))
        .replace("{host}", str(settings["host"]))
        .replace("{port}", str(settings["port"]))
        .replace("{ca}", settings["ca_file"] or "the system's list")
    )


def closed(settings: dict[str, Any]) -> str:
    """Of a connection that ended before CONNACK; what TLS says of it may be lost with what was on its way to it."""
    return CLOSED_AFTER_HANDSHAKE if settings["tls"] else _filled(CLOSED, settings)


def _plain(error: BaseException) -> str:
    file = getattr(error, "filename", None)
    cause = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return f"{file}: {cause}" if file else str(cause)
