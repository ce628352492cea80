"""Runs the init scripts in a gateway's root and then what they told procd to run, by procd's rules.

An instance is respawned after its time-out when it ends; ends that come sooner after their start than the threshold
are counted, and past `retry` of them it stays down. A reload with a reload signal signals instead of restarting
(procd's service/instance.c). Seconds can be scaled, so that a test need not wait.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time

from ..build.toolchain import PYTHON
from .gateway_root import in_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from ..build.machines import Machine

PYTHON_PROGRAM = "/usr/bin/python3"
USERS = {"root": 0, "meterd": 871}
GROUPS = {"root": 0, "dialout": 20, "meterd": 871}


def script(root: Path, name: str, action: str) -> subprocess.CompletedProcess[str]:
    """Run /etc/init.d/NAME ACTION under busybox ash in the root."""
    command = ["/bin/busybox", "ash", "/etc/rc.common", f"/etc/init.d/{name}", action]
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return subprocess.run(
        command, preexec_fn=in_root(root), env=environment, capture_output=True, text=True, timeout=120, check=False
    )


class Instance:
    """What a script told procd: parameters by name, jail mounts by path (True: writable)."""

    __slots__ = ("jail", "mounts", "parameters")

    def __init__(self) -> None:
        self.parameters: dict[str, list[str]] = {}
        self.jail: list[str] = []
        self.mounts: dict[str, bool] = {}


def calls(root: Path) -> list[list[str]]:
    """What the last action told procd: each call's name and words."""
    return [line.rstrip("\t").split("\t") for line in (root / "tmp" / "procd").read_text().splitlines()]


def recorded(root: Path) -> Instance | None:
    """The instance that the last start action described, or None if it started nothing."""
    instance = None
    for call, *words in calls(root):
        if call == "procd_open_instance":
            instance = Instance()
        elif instance is None:
            continue
        elif call == "procd_set_param":
            instance.parameters[words[0]] = words[1:]
        elif call == "procd_add_jail":
            instance.jail = words
        elif call.startswith("procd_add_jail_mount"):
            instance.mounts.update(dict.fromkeys(words, call.endswith("_rw")))
    return instance


class JailRefused(Exception):
    """ujail would not run the command; the text is what it says."""


def jailed(root: Path, command: list[str]) -> list[str]:
    """The program that ujail would run, and its arguments. Raises: JailRefused.

    ujail loads what its command needs before it runs it, as the loader would. Of a script it takes the interpreter's
    path without the zero octet that ends it, finds no such file, and gives up (procd's jail/fs.c, since 2015). So the
    command must be a program itself; in a root whose machine is emulated, a script stands for Python's.
    """
    with open(root / command[0].lstrip("/"), "rb") as file:
        is_script = file.read(2) == b"#!"
    if is_script and command[0] != PYTHON_PROGRAM:
        raise JailRefused(f"jail: failed to load dependencies of {command[0]}")
    return [f"/usr/bin/python{PYTHON}" if is_script else command[0], *command[1:]]


def interpreter(root: Path, program: str) -> list[str]:
    """What the kernel would run the program with, by its first line; python3 itself is a script in the root."""
    with open(root / program.lstrip("/"), encoding="utf-8") as file:
        words = file.readline().removeprefix("#!").split()
    return [f"/usr/bin/python{PYTHON}", *words[1:]]


class Supervisor:
    """procd's part: one instance, started, signalled, respawned and ended by its own parameters."""

    def __init__(self, root: Path, machine: Machine, instance: Instance, output: Path, scale: float = 1.0) -> None:
        self.root = root
        self.instance = instance
        self.output = output
        self.starts = 0
        self.gave_up = False
        self._scale = scale
        self._early_ends = 0
        self._machine = machine
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._restart_at: float | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("nothing was started")
        return self._process

    def start(self) -> None:
        parameters = self.instance.parameters
        emulator = [f"/usr/bin/{self._machine.emulator[0]}", *self._machine.emulator[1:]]
        with open(self.output, "ab") as output:
            self._process = subprocess.Popen(
                [*emulator, *jailed(self.root, parameters["command"])],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **dict(word.split("=", 1) for word in parameters["env"])},
                preexec_fn=in_root(
                    self.root, USERS[parameters["user"][0]], GROUPS[parameters["group"][0]], (GROUPS["meterd"],)
                ),
            )  # fmt: skip
        (self.root / "tmp" / "procd.pid").write_text(f"{self._process.pid}\n")
        self.starts += 1
        self._started = time.monotonic()
        self._restart_at = None

    def watch(self) -> None:
        """One look, as often as the caller likes: respawn what has ended, when its time has come."""
        threshold, timeout, retry = (int(word) for word in self.instance.parameters["respawn"])
        now = time.monotonic()
        if self._restart_at is not None:
            if now >= self._restart_at:
                self.start()
        elif not self.gave_up and self.process.poll() is not None:
            self._early_ends = self._early_ends + 1 if now - self._started < threshold * self._scale else 0
            self.gave_up = 0 < retry < self._early_ends
            self._restart_at = None if self.gave_up else now + timeout * self._scale

    def signal(self, number: int) -> None:
        os.kill(self.process.pid, number)

    def obey(self) -> None:
        """Do what procd does with what the last action told it: end, start, signal, or leave as it is."""
        instance = recorded(self.root)
        told = {call[0] for call in calls(self.root)}
        if "procd_send_signal" in told:
            self.signal(signal.SIGHUP)
            return
        if "procd_kill" in told or instance is None:
            self._end()
        if instance is not None:
            self.instance = instance
            if self._process is None or self.process.poll() is not None:
                self.gave_up = False
                self.start()
            else:
                self.signal(getattr(signal, "SIG" + instance.parameters["reload_signal"][0]))

    def stop(self) -> int:
        """End it for good; returns the exit code."""
        self.gave_up = True
        return self._end()

    def _end(self) -> int:
        """As procd does: SIGTERM, SIGKILL after the term time-out. Returns the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.process.wait(int(self.instance.parameters["term_timeout"][0]))
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            return self.process.wait()

    def said(self) -> str:
        return self.output.read_text(errors="replace")
