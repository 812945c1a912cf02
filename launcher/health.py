"""Whether our own web server answers: for the launcher, and as `python -m launcher.health` for containers.

A connection of our own, because urllib asks the proxy of `http_proxy` even for this machine's own addresses.
"""

from __future__ import annotations

import http.client
import json
import sys

PATIENCE_S = 5.0
SHORT_PATIENCE_S = 2.0


def answers(host: str, port: int, path: str) -> bool:
    """Whether it answers 200 for this path, in time."""
    status, _ = _answer(host, port, path, PATIENCE_S)
    return status == http.HTTPStatus.OK


def nobody_paints(host: str, port: int) -> bool:
    """Whether it says that Redis is there and yet no worker, or none that paints what waits. Unless it says so, no.

    A worker that cannot tell Redis anything, as on a full disk, is not seen either, and may be well.
    """
    _, body = _answer(host, port, "/readyz", SHORT_PATIENCE_S)
    try:
        told = json.loads(body)
        return bool(told["redis"] and told["takes"] and not (told["worker"] and told["moving"]))
    except (ValueError, KeyError, TypeError):
        return False


def _answer(host: str, port: int, path: str, patience_s: float) -> tuple[int, bytes]:
    """Its status and body; a status of 0 where there is no answer in time."""
    connection = http.client.HTTPConnection(host, port, timeout=patience_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    except (http.client.HTTPException, OSError):
        return 0, b""
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if answers("127.0.0.1", int(sys.argv[1]), "/healthz") else 1)
