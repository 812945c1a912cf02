"""Requests that wait for an answer as long as a busy machine may need: httpx gives up after five seconds."""

from __future__ import annotations

from functools import partial

import httpx2

PATIENCE_S = 60.0

get = partial(httpx2.get, timeout=PATIENCE_S)
head = partial(httpx2.head, timeout=PATIENCE_S)
post = partial(httpx2.post, timeout=PATIENCE_S)
delete = partial(httpx2.delete, timeout=PATIENCE_S)
