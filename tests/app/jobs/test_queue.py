"""A job's hint reaches the very server and database that its record is in, however their address is spelt."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import redis

from app.jobs.queue import QUEUE, Publisher
from launcher import redis_server as embedded
from tests.faults.servers import Wire

ODD_NAMES = ["my #1 50% ateliér ?", "%41 %2541", "a;b&c=d+e@f:0", "quote\"'$(x)`\\", "[x]{y}*"]
JOB = "0" * 32


def arrives(url: str) -> bool:
    """Whether a hint published to this address is where records of this address are."""
    publisher = Publisher(url)
    publisher.publish(JOB)
    publisher.close()
    with redis.Redis.from_url(url) as connection:
        return bool(connection.llen(QUEUE) == 1)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_folder_of_the_socket_may_have_any_name(name: str) -> None:
    with tempfile.TemporaryDirectory() as short:
        data = Path(short) / name
        process, url = embedded.start(data, data / "logs")
        try:
            assert (data / "redis" / "redis.sock").is_socket()
            assert arrives(url)
        finally:
            process.terminate()
            process.wait(5)
            process.kill()


@pytest.mark.parametrize("query", ["", "?db=0", "?db=3"])
def test_records_and_hints_are_in_the_same_database_of_a_socket(redis_server: str, query: str) -> None:
    assert arrives(redis_server.partition("?")[0] + query)


@pytest.mark.parametrize("tail", ["", "/3", "?db=3", "/?db=3"])
def test_records_and_hints_are_in_the_same_database_of_a_port(redis_server: str, tail: str) -> None:
    wire = Wire(Path(urlsplit(redis_server).path))
    try:
        assert arrives(wire.url.removesuffix("/0") + tail)
    finally:
        wire.close()
