"""A web server as the launcher starts it, without a worker."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from launcher import commands
from launcher.processes import Process
from tests.bench import ROOT
from tests.proxies import free_port
from tests.waiting import until


@contextmanager
def web_server(
    redis_url: str, folder: Path, most_files: int = 0, without: Sequence[str] = (), **settings: str
) -> Iterator[int]:
    """The port of such a server, from its first answer on until the end of the block; `most_files` is how many it may
    open, as many as the system allows unless said, and `without` what it is not told.
    """
    port = free_port()
    environment = {"ATELIER_REDIS_URL": redis_url, "ATELIER_DATA": str(folder), "PYTHONPATH": str(ROOT)} | settings
    command = [each for each in commands.web("127.0.0.1", port, "INFO") if each not in without]
    if most_files:
        command = ["sh", "-c", f'ulimit -n {most_files}; exec "$@"', "sh", *command]
    process = Process("web", command, environment, folder / "web.log")
    process.start()

    def answers() -> bool:
        assert process.is_running(), process.last_line()
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(answers, "the web server")
        yield port
    finally:
        process.terminate()
        process.wait(5)
        process.kill()
