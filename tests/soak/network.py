"""Two name spaces of the network with a router between them that can swallow packets: links that die without a word.

Near is 10.91.1.2, far 10.91.2.2, and the router lies between. While it is told to forward nothing that comes from one
side, packets from there end in it: nobody is told, nothing is closed. Needs root (or CAP_SYS_ADMIN); nothing outside of
the three name spaces is touched.
"""

from __future__ import annotations

import shutil
import subprocess

FAR = "10.91.2.2"
SIDES = ("near", "far")


class Network:
    """`near` and `far` begin the command of a process that is to live there."""

    def __init__(self) -> None:
        self._holders = {name: self._name_space() for name in ("near", "router", "far")}
        self.near, self.far = (self._within(name) for name in SIDES)
        for number, side in enumerate(SIDES, 1):
            inside = self._holders[side].pid
            self._do("router", f"ip link add {side} type veth peer name wire netns {inside}")
            self._do(
                "router", f"ip address add 10.91.{number}.1/24 dev {side}; ip link set {side} up; ip link set lo up"
            )
            self._do(side, f"ip address add 10.91.{number}.2/24 dev wire; ip link set wire up; ip link set lo up")
            self._do(side, f"ip route add default via 10.91.{number}.1")
        self._do("router", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def swallow(self, *sides: str) -> None:
        """What comes from these sides, and nothing else, is forwarded no more."""
        for side in SIDES:
            self._do("router", f"echo {int(side not in sides)} > /proc/sys/net/ipv4/conf/{side}/forwarding")

    def close(self) -> None:
        for holder in self._holders.values():
            holder.kill()
            holder.communicate()

    def _name_space(self) -> subprocess.Popen[bytes]:
        words = ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"]
        holder = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert holder.stdout is not None
        if not holder.stdout.readline():
            holder.communicate()
            raise OSError(1, "no name space of the network may be made here; are you root?")
        return holder

    def _within(self, name: str) -> list[str]:
        return ["nsenter", "--target", str(self._holders[name].pid), "--net"]

    def _do(self, name: str, words: str) -> None:
        subprocess.run([*self._within(name), "sh", "-ec", words], check=True, capture_output=True, timeout=30)


def network() -> Network | None:
    """None where none can be made."""
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return None
    try:
        return Network()
    except (OSError, subprocess.CalledProcessError):
        return None
