"""Whose turn it is where few can be served at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

Done = TypeVar("Done")


class CrowdedError(Exception):
    """As much of one client waits as may wait."""


class Turns:
    """So much work at once, in threads; what waits goes by turns from client to client. Whoever sends much waits for
    itself, and everybody else for one piece of it or two.
    """

    def __init__(self, at_once: int, most_waiting: int) -> None:
        """`most_waiting` is of one client."""
        self._limiter = CapacityLimiter(at_once)
        self._most_waiting = most_waiting
        self._free = at_once
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # whose turn is next stands first

    async def run(self, client: str, work: Callable[[], Done]) -> Done:
        """What a client's work returns, or whatever it raises, when its turn has come.

        Raises:
            CrowdedError: enough of this client waits already.
        """
        if self._free:
            self._free -= 1
        elif len(self._waiting.get(client, ())) >= self._most_waiting:
            raise CrowdedError
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.setdefault(client, deque()).append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # it came at the same moment
                    self._pass_on()
                raise
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        """Give a place to the next client that waits for one."""
        while self._waiting:
            client = next(iter(self._waiting))
            turns = self._waiting.pop(client)
            turn = turns.popleft()
            if turns:
                self._waiting[client] = turns  # behind all others
            if not turn.cancelled():
                return turn.set_result(None)
        self._free += 1
        return None
