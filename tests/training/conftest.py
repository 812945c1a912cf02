"""A training that is broken off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from training import loop

BreakOff = Callable[[Callable[[], None]], None]


@pytest.fixture
def break_off(monkeypatch: pytest.MonkeyPatch) -> BreakOff:
    """Begins a training and interrupts it at its fourth step."""
    rate = loop.learning_rate

    def killed(step: int, recipe: loop.Schedule) -> float:
        if step == 3:
            raise KeyboardInterrupt
        return rate(step, recipe)

    def begin(train: Callable[[], None]) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(loop, "learning_rate", killed)
            with pytest.raises(KeyboardInterrupt):
                train()

    return begin
