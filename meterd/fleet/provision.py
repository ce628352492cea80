"""A gateway's broker, certificates, key and name from one file, all of it or nothing.

The file is JSON: `gateway`, `broker` {host, port …: parameters of `publish.mqtt`}, `ca`, `certificate`, `key` (PEM, as
text), and if wanted `store` (parameters of `publish.store`) and `remote_key` (64 hexadecimal digits, for `meterd
remote`). Everything is checked before anything is in force: the names, that key and certificate belong together, and
what `meterd check` would say. Then all goes into a new folder beside the old one, is synced, and a symbolic link,
exchanged in one step, says which of them is in force: whenever the plug is pulled, it is the old one or the new one.
Keys have mode 0640 and the folder's group, which is the daemon's; nothing of them is ever shown.
The dirt: a file that anybody may read (it is said), half a PEM, a certificate of another key, a disk that is full.
"""

from __future__ import annotations

from hashlib import sha256
from os import chmod, chown, lstat, mkdir, readlink, rename, stat, symlink, unlink
from stat import S_ISLNK

from ..config.files import load
from ..errors import ConfigError
from ..gateway.json_text import dumps, loads
from ..paths import exists, join, read_up_to
from .signed import KEY_OCTETS
from .whole_files import create, remove_folder, sync_folder, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAX_FILE = 262_144
FOLDER_MODE = 0o750
LINK = "fleet"  # in the folder of the configuration, and so the place of all that is in force
PEMS = {"ca": "ca.pem", "certificate": "gateway.pem", "key": "gateway.key"}
FILES = {"ca": "ca_file", "certificate": "certificate_file", "key": "key_file"}
KNOWN = ("gateway", "broker", "store", "remote_key", *PEMS)
CONFIGURATION, REMOTE_KEY = "fleet.json", "remote.key"
ALL_NAMES = [*PEMS.values(), CONFIGURATION, REMOTE_KEY]


def read(path: str) -> dict[str, Any]:
    """Raises: ConfigError, in words that show no secret."""
    try:
        data = read_up_to(path, MAX_FILE + 1)
    except OSError as error:
        raise ConfigError(path, str(error.strerror)) from None
    if len(data) > MAX_FILE:
        raise ConfigError(path, f"is larger than {MAX_FILE} bytes")
    try:
        content = loads(data)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise ConfigError(path, "is no JSON") from None
    if not isinstance(content, dict):
        raise ConfigError(path, "allowed: an object with gateway and broker")
    _check(path, content)
    return content


def _check(path: str, content: dict[str, Any]) -> None:
    """Raises: ConfigError."""
    for name in content:
        if name not in KNOWN:
            raise ConfigError(path, f"{name}: is not known here; allowed: {', '.join(KNOWN)}")
    for name in ("gateway", "remote_key", *PEMS):
        if not isinstance(content.get(name, ""), str):
            raise ConfigError(path, f"{name}: allowed: text")
    for name in ("broker", "store"):
        if not isinstance(content.get(name, {}), dict):
            raise ConfigError(path, f"{name}: allowed: an object")
    if not content.get("gateway") or not content.get("broker"):
        raise ConfigError(path, "gateway and broker are needed")


def is_open_to_others(path: str) -> bool:
    return bool(stat(path).st_mode & 0o007)


def provision(path: str, folder: str) -> str:
    """Put into force in `folder` what `path` holds; returns the folder of it. Raises: ConfigError, OSError."""
    content = read(path)
    files = _files(path, content, join(folder, LINK))
    name = f".{LINK}-{sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]}"
    made, link = join(folder, name), join(folder, LINK)
    before = _present(link)
    if before != name:
        remove_folder(made, ALL_NAMES)  # of a run that was cut off
        try:
            _write(made, files)
            _try_out(path, made, link)
            _point(link, name)
        except (ConfigError, OSError):
            remove_folder(made, ALL_NAMES)
            raise
        if before:
            remove_folder(join(folder, before), ALL_NAMES)
    _lead_to(join(folder, CONFIGURATION), join(LINK, CONFIGURATION))
    if content.get("remote_key") and not exists(join(folder, "remote.json")):
        write(join(folder, "remote.json"), b"{}\n")
    return link


def _files(path: str, content: dict[str, Any], place: str) -> dict[str, bytes]:
    """Names and contents. Raises: ConfigError."""
    broker = {**content["broker"], "gateway": content["gateway"]}
    files = {}
    for name, file in PEMS.items():
        if content.get(name):
            _pem(path, name, content[name])
            files[file] = content[name].encode()
            broker[FILES[name]] = join(place, file)
    publish = {"mqtt": broker} | ({"store": content["store"]} if "store" in content else {})
    files[CONFIGURATION] = dumps({"publish": publish}).encode() + b"\n"
    if content.get("remote_key"):
        key = content["remote_key"].strip()
        try:
            size = len(bytes.fromhex(key))
        except ValueError:
            size = 0
        if size != KEY_OCTETS:
            raise ConfigError(path, f"remote_key: allowed: {2 * KEY_OCTETS} hexadecimal digits")
        files[REMOTE_KEY] = key.encode() + b"\n"
    return files


def _pem(path: str, name: str, text: str) -> None:
    """Raises: ConfigError."""
    wanted = "PRIVATE KEY-----" if name == "key" else "-----BEGIN CERTIFICATE-----"
    if wanted not in text or "-----END " not in text:
        raise ConfigError(path, f"{name}: allowed: PEM, with its lines from -----BEGIN to -----END")


def _write(folder: str, files: dict[str, bytes]) -> None:
    mkdir(folder, FOLDER_MODE)
    chmod(folder, FOLDER_MODE)
    try:
        chown(folder, -1, stat(join(folder, "..")).st_gid)
    except OSError:
        pass  # not root: its group is the user's own
    for name, data in files.items():
        create(join(folder, name), data)
    sync_folder(join(folder, CONFIGURATION))
    sync_folder(folder)


def _try_out(path: str, folder: str, link: str) -> None:
    """What is wrong with it once it is written, said of the file that it came from. Raises: ConfigError."""
    configuration = load([join(folder, CONFIGURATION)])
    if configuration.errors:
        raise ConfigError(path, "; ".join(map(_in_its_words, configuration.errors)))
    published = configuration.publish["mqtt"]
    ca, certificate, key = (str(published[name] or "").replace(link, folder, 1) for name in FILES.values())
    from ssl import SSLError, create_default_context

    try:
        context = create_default_context(cafile=ca or None)
    except (SSLError, ValueError):
        raise ConfigError(path, "ca: is damaged") from None
    try:
        if certificate:
            context.load_cert_chain(certificate, key or None, password=lambda: "")
    except (SSLError, ValueError):
        raise ConfigError(path, "certificate, key: one is damaged, or they do not belong together") from None


def _in_its_words(error: ConfigError) -> str:
    """A complaint about `publish.mqtt`, which the file calls `broker`."""
    place = error.place.rpartition("publish, parameter ")[2].replace("mqtt.", "broker.", 1)
    return f"{place}: {error.message}"


def _present(link: str) -> str:
    """The name of the folder in force; '' where there is none. Raises: ConfigError where something else is there."""
    try:
        if S_ISLNK(lstat(link).st_mode):
            return readlink(link)
    except FileNotFoundError:
        return ""
    raise ConfigError(link, "is no symbolic link of meterd provision; move it away")


def _point(link: str, name: str) -> None:
    new = link + ".new"
    try:
        unlink(new)
    except FileNotFoundError:
        pass
    symlink(name, new)
    rename(new, link)
    sync_folder(link)


def _lead_to(path: str, target: str) -> None:
    """The name under which the daemon finds it. Raises: ConfigError where something else has that name."""
    try:
        if readlink(path) == target:
            return
    except FileNotFoundError:
        _point(path, target)
        return
    except OSError:
        pass
    raise ConfigError(path, "is there already, and not of meterd provision; move it away")
