"""Far ends that do nobody good: a broker that accepts and says nothing, TLS that stops half way, a mute name server, a
disk that stands still.

The disk is a file system of its own that is frozen (`fsfreeze`): who writes to it or syncs waits in the kernel, as with
a card that is busy. The name server and the disk live in the name spaces of the process that is to suffer them; they
need root.
"""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import tempfile
import threading
from pathlib import Path

NAME_SERVER = "127.0.0.83"
IMAGE_MB = 16


class Mute:
    """Takes every connection. `says`: it sends that to whoever speaks first; `certificate`: it shakes hands."""

    def __init__(self, says: bytes = b"", certificate: Path | None = None) -> None:
        self._says = says
        self._context: ssl.SSLContext | None = None
        if certificate is not None:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self._held: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._held.append(sock)
            threading.Thread(target=self._stall, args=(sock,), daemon=True).start()

    def _stall(self, sock: socket.socket) -> None:
        try:
            if self._context is not None:
                self._held.append(self._context.wrap_socket(sock, server_side=True))
            elif self._says:
                sock.recv(65536)
                sock.sendall(self._says)
        except OSError:
            pass  # it has given up

    def close(self) -> None:
        self._listener.close()
        for sock in self._held:
            sock.close()


HALF_A_RECORD = bytes.fromhex("160303004a020000")  # of a ServerHello that never ends


def certificate(folder: Path) -> Path:
    made = folder / "broker.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days"]
    words += ["2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"]
    subprocess.run([*words, str(folder / "broker.key"), "-out", str(made)], check=True, capture_output=True)
    made.write_bytes(made.read_bytes() + (folder / "broker.key").read_bytes())
    return made


class NameServer:
    """Hears every question, answers none; `words` begin the command of who has no other. Raises: OSError."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((NAME_SERVER, 53))
        configuration = folder / "resolv.conf"
        configuration.write_text(f"nameserver {NAME_SERVER}\n")
        self.words = _with_mount(f"mount --bind {configuration} /etc/resolv.conf")

    def close(self) -> None:
        self._socket.close()


class StillDisk:
    """A file system at `place` for whoever is begun with `words`; between `freeze` and `thaw` it stands still."""

    def __init__(self, folder: Path) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="card-", dir=folder))
        image = self.place.with_suffix(".image")
        image.write_bytes(bytes(IMAGE_MB << 20))
        subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
        self.words = _with_mount(f"mount -o loop {image} {self.place}; mkdir -p {self.place}/meterd")

    def freeze(self, pid: int) -> None:
        self._do(pid, "--freeze")

    def thaw(self, pid: int) -> None:
        self._do(pid, "--unfreeze")

    def _do(self, pid: int, how: str) -> None:
        words = ["nsenter", "--target", str(pid), "--mount", "fsfreeze", how, str(self.place)]
        subprocess.run(words, check=True, capture_output=True, timeout=30)


def _with_mount(command: str) -> list[str]:
    return ["unshare", "--mount", "sh", "-ec", f'{command}; exec "$@"', "sh"]


def is_root() -> bool:
    return os.geteuid() == 0
