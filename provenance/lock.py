"""What `make lock` wrote: every package that Atelier needs, with its version and the hashes of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
BUILD_LOCK = ROOT / "requirements-build.lock"

PIN = re.compile(r"([\w.-]+)==([^\s;]+)(?: ; (\S.*?))? +(--hash=.+)\n +# via (.+)")


@dataclass(frozen=True)
class Pin:
    """One package as it is locked.

    Args:
        marker: where it is needed, as PEP 508 writes it; empty: everywhere.
        hashes: SHA-256 of each file of the release, in hexadecimal.
        wanted_by: who needs it: names of packages, or the project with its file in brackets.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    wanted_by: tuple[str, ...]


def read(lock: Path) -> list[Pin]:
    """All that a lock file pins.

    Raises:
        ValueError: if a line is neither a comment nor part of a pin with hashes and a reason.
    """
    text = lock.read_text().replace("\\\n", "")
    pins = [
        Pin(name, version, marker, tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})\b", hashes)), tuple(via.split(", ")))
        for name, version, marker, hashes, via in PIN.findall(text)
    ]
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) != len(pins):
        raise ValueError(f"{lock.name} has {len(lines)} lines that name a package, of which {len(pins)} can be read")
    return pins
