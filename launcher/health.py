"""Whether our own web server answers: for the launcher, and as `python -m launcher.health` for containers.

A connection of our own, because urllib asks the proxy of `http_proxy` even for this machine's own addresses.
"""

from __future__ import annotations

import http.client
import sys

PATIENCE_S = 5.0


def answers(host: str, port: int, path: str) -> bool:
    """Whether it answers 200 for this path, in time."""
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (http.client.HTTPException, OSError):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if answers("127.0.0.1", int(sys.argv[1]), "/healthz") else 1)
