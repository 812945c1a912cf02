"""An address that is not the loopback's, for a product that is opened as if from another machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class Place:
    """Where a product may run: the address that it is to listen on, and what its command begins with."""

    address: str
    within: tuple[str, ...] = ()


@contextmanager
def elsewhere() -> Iterator[Place | None]:
    """The second machine of a network that is made for it; else this machine, by its own address if it has one."""
    name = f"atelier{os.getpid()}"
    try:
        if build(name):
            yield Place(address_of(name, 2), ("ip", "netns", "exec", name))
        else:
            address = own_address()
            yield Place(address) if address else None
    finally:
        if shutil.which("ip"):
            ip("netns", "delete", name)


def build(name: str) -> bool:
    """Make a network namespace with a cable to it; False where that is not allowed."""
    here, there = f"at{os.getpid()}h", f"at{os.getpid()}t"
    inside = ("netns", "exec", name, "ip")
    return shutil.which("ip") is not None and all(
        ip(*words)
        for words in (
            ("netns", "add", name),
            ("link", "add", here, "type", "veth", "peer", "name", there, "netns", name),
            ("address", "add", f"{address_of(name, 1)}/30", "dev", here),
            ("link", "set", here, "up"),
            (*inside, "address", "add", f"{address_of(name, 2)}/30", "dev", there),
            (*inside, "link", "set", there, "up"),
            (*inside, "link", "set", "lo", "up"),
        )
    )


def address_of(name: str, machine: int) -> str:
    """The first or second machine's address in a private network that no other process of these tests makes."""
    number = int(name.removeprefix("atelier")) % (1 << 14)
    return f"10.203.{number >> 6}.{4 * (number & 63) + machine}"


def ip(*words: str) -> bool:
    """Whether iproute2 did what it was told."""
    return subprocess.run(["ip", *words], capture_output=True, check=False).returncode == 0


def own_address() -> str | None:
    """The first IPv4 address of this machine that is not the loopback's."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    for name, addresses in psutil.net_if_addrs().items():
        for each in addresses:
            if name in up and each.family == socket.AF_INET and not each.address.startswith("127."):
                return str(each.address)
    return None
