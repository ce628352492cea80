"""Why an InfluxDB is not reached, or does not take what it is sent: one sentence each, with what to do next.

Assumptions: the status codes of InfluxDB 1.6 and 2 (their API documents) and of proxies before them; OpenSSL's numbers
of what is wrong with a certificate.
Dirt it must survive: errors of any kind, from the resolver to the file of certificates; pages in place of answers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_SAID = 200
SAYS = {
    400: "the server does not take it",
    401: "the server does not accept {who}",
    403: "the server does not let {who} write into {where}",
    404: "{where} is not there, or this server knows no {path}",
    405: "the server takes nothing at {path}; is it an InfluxDB?",
    413: "the server takes no more at once; smaller batches are tried",
    422: "the server does not take it",
    429: "the server asks for patience",
    500: "the server has trouble of its own",
    502: "the proxy does not reach the server",
    503: "the server is not available just now, it says",
    504: "the proxy waits for the server in vain",
}
UNTRUSTED = (2, 18, 19, 20, 21)
CERTIFICATES = {
    9: "the server's certificate is not valid yet; this gateway's clock says {now}, set it",
    10: "the server's certificate has expired; this gateway's clock says {now}",
    62: "the server's certificate is for another name; name the host in url as the certificate does",
    64: "the server's certificate is for another address; name the host in url as the certificate does",
}


def of_answer(status: int, said: str, location: str, settings: dict[str, Any]) -> str:
    """`said` are the server's own words."""
    if 300 <= status < 400:
        return f"the server redirects to {location[:MOST_SAID] or 'nowhere'}; name the place itself in url"
    is_v1 = settings["api"] == "v1"
    if is_v1:
        who = f"user {settings['user']} and password" if settings["user"] else "anybody without user and password"
        where, path = f"the database {settings['database']}", "/write"
    else:
        who = "the token" if settings["token"] else "anybody without a token"
        where, path = f"the bucket {settings['bucket']}", "/api/v2/write"
    words = SAYS.get(status, f"the server answers {status}").format(who=who, where=where, path=path)
    if status == 404 and is_v1 and "database not found" in said:
        words = f"{where} is not there: influx -execute 'CREATE DATABASE \"{settings['database']}\"' makes it"
    return f"{words} ({status}: {said[:MOST_SAID]})" if said else f"{words} ({status})"


def of_error(error: BaseException, host: str, port: int, is_secure: bool, settings: dict[str, Any]) -> str:
    """Of whatever was raised on the way."""
    number = getattr(error, "verify_code", None)
    if number is not None:
        return _of_certificate(number, str(getattr(error, "verify_message", error)), settings)
    kind = type(error).__name__
    if kind == "gaierror":
        return f"the name {host} is not found: {getattr(error, 'strerror', error)}"
    if isinstance(error, TimeoutError):
        return f"no answer from {host} port {port} in time"
    if isinstance(error, ConnectionRefusedError):
        return f"nobody listens at {host} port {port}"
    text = str(error)
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text:
        return f"no TLS is spoken at port {port}; is it http://{host}?"
    if isinstance(error, ConnectionError):
        hint = "" if is_secure else f"; does port {port} want https?"
        return f"{host} port {port} ended the connection without an answer{hint}"
    if kind == "BadStatusLine":
        return f"what answers at {host} port {port} speaks no HTTP{'' if is_secure else '; does it want https?'}"
    file = getattr(error, "filename", None)
    cause = getattr(error, "strerror", None) or text or kind
    return f"{file}: {cause}" if file else str(cause)[:MOST_SAID]


def _of_certificate(number: int, message: str, settings: dict[str, Any]) -> str:
    from time import gmtime, strftime

    if number in UNTRUSTED:
        ca = settings["ca_file"] or "the system's list"
        return f"the server's certificate is signed by nobody in {ca}; ca_file must hold the CA that signed it"
    words = CERTIFICATES.get(number, "the server's certificate is not accepted: " + message)
    return words.replace("{now}", strftime("%Y-%m-%d %H:%M UTC", gmtime()))
