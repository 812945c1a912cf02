"""The addresses of a web server that listens on a host: where this machine asks it, and where others may."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import psutil

IPV4, IPV6 = socket.AF_INET, socket.AF_INET6
# What each host that stands for all addresses listens on. Asyncio's `::` is IPv6 alone, its empty host is both.
EVERYWHERE = {"0.0.0.0": (IPV4,), "::": (IPV6,), "": (IPV4, IPV6)}  # noqa: S104 - looked up, not bound
LOOPBACK = {IPV4: "127.0.0.1", IPV6: "::1"}


def own(host: str) -> str:
    """The address at which this machine itself reaches the server."""
    return LOOPBACK[EVERYWHERE[host][0]] if host in EVERYWHERE else host


def urls(host: str, port: int) -> list[str]:
    """Every address at which it can be reached, this machine's own first."""
    reached = [own(host)]
    for family in EVERYWHERE.get(host, ()):
        reached += [address for address in _of_this_machine(family) if address not in reached]
    return [f"http://{f'[{address}]' if ':' in address else address}:{port}" for address in reached]


def _of_this_machine(family: socket.AddressFamily) -> list[str]:
    """Addresses of the interfaces that are up; without link-local IPv6, whose zones browsers don't take."""
    up = {name for name, state in psutil.net_if_stats().items() if state.isup}
    found = [
        ip_address(each.address)
        for name, addresses in psutil.net_if_addrs().items()
        for each in addresses
        if name in up and each.family == family
    ]
    return [str(address) for address in sorted(found) if not (family == IPV6 and address.is_link_local)]
