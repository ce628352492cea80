"""Whom a connection over TLS believes: the system's certificate authorities, or the one that the user names.

The problem: from Python 3.13 on OpenSSL is told to be strict, and refuses an authority without key usage and key
identifiers. That is what users make for themselves, by OpenSSL's own recipes: with the gateway's next Python its
readings would stay at home. Chain, name and dates are looked at as they always were.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ssl import SSLContext


def believing(ca_file: str | None) -> SSLContext:
    """Raises: OSError with the file's name, SSLError."""
    from ssl import VERIFY_X509_STRICT, create_default_context

    if ca_file:
        open(ca_file, "rb").close()  # OpenSSL does not say which file it is that cannot be read
    context = create_default_context(cafile=ca_file)
    if ca_file:
        context.verify_flags &= ~VERIFY_X509_STRICT
    return context
