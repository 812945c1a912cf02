"""Real nginx and Caddy in front of a server under test, with the blocks that docs/operating.md shows."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.bench import ROOT
from tests.waiting import until

DOCUMENTED_UPSTREAM = "127.0.0.1:8000"


@dataclass(frozen=True)
class Proxy:
    """A running proxy: its port, and what lets it read its configuration anew."""

    port: int
    process: subprocess.Popen[bytes]
    configuration: Path

    def replace(self, old: str, new: str) -> None:
        """Change nginx's configuration while it runs, and wait till no connection is left to what it was."""
        workers = psutil.Process(self.process.pid).children()
        text = self.configuration.read_text()
        assert old in text
        self.configuration.write_text(text.replace(old, new))
        self.process.send_signal(signal.SIGHUP)
        gone, there = psutil.wait_procs(workers, timeout=20)
        assert gone, "workers that leave once their connections are closed"
        assert not there


def documented(language: str, number: int = 0) -> str:
    """One of the blocks of this language that operators are told to use."""
    text = (ROOT / "docs" / "operating.md").read_text()
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return blocks[number]


def as_documented(name: str, folder: Path, upstream: str, root: str = "") -> AbstractContextManager[Proxy]:
    """nginx or Caddy with the documented block, below a path as the documents say."""
    if name == "caddy":
        return caddy(folder, upstream, root)
    block = documented("nginx").replace(DOCUMENTED_UPSTREAM, upstream)
    return nginx(folder, block.replace("location / {", f"location {root}/ {{"))


@contextmanager
def nginx(folder: Path, inside: str) -> Iterator[Proxy]:
    """nginx with these lines inside its `server`, and otherwise its defaults."""
    port = free_port()
    user = "user root root;" if os.geteuid() == 0 else ""  # the tests' folder is their user's alone
    places = " ".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; {user} events {{}}\n"
        f"http {{ access_log off; {places} server {{ listen 127.0.0.1:{port};\n{inside}\n}} }}\n"
    )
    command = [program("nginx"), "-c", str(configuration), "-e", str(folder / "error.log")]
    with running(command, port, folder) as process:
        yield Proxy(port, process, configuration)


@contextmanager
def caddy(folder: Path, upstream: str, root: str) -> Iterator[Proxy]:
    """Caddy with the documented block, at a port of its own instead of a name that is not ours."""
    port = free_port()
    block = documented("caddy", 1 if root else 0).replace(DOCUMENTED_UPSTREAM, upstream).replace("/atelier", root)
    block = re.sub(r"^\S+ \{", f"http://:{port} {{", block)
    configuration = folder / "Caddyfile"
    configuration.write_text(f"{{\n    admin off\n    auto_https off\n    default_bind 127.0.0.1\n}}\n{block}")
    command = [program("caddy"), "run", "--config", str(configuration), "--adapter", "caddyfile"]
    with running(command, port, folder) as process:
        yield Proxy(port, process, configuration)


def program(name: str) -> str:
    """The proxy's program; the test is skipped where there is none."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
    if path is None:
        pytest.skip(f"no {name} found: install the distribution's package `{name}`")
    return path


@contextmanager
def running(command: list[str], port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The proxy from its first answer on until the end of the block."""
    environment = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with (folder / "output.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def listens() -> bool:
        assert process.poll() is None, (folder / "output.log").read_text()
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(listens, command[0])
        yield process
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
