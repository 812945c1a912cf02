"""The table of faults: what was done, whether the promise was kept, how long until work went on."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

HEAD = "| fault | how it is provoked | runs | result | back at work after |\n|---|---|---|---|---|\n"


class Recovery:
    """A stopwatch from the fault until work goes on."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._struck: float | None = None

    def struck(self) -> None:
        """The fault happens now."""
        self._struck = time.monotonic()

    def over(self) -> None:
        """Work goes on: the job is painted again, or requests are answered again."""
        assert self._struck is not None
        self.seconds.append(time.monotonic() - self._struck)
        self._struck = None


@dataclass
class Row:
    """One fault, provoked in one way."""

    outcomes: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


class Ledger:
    """All rows of one test run, by fault and way."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Row] = {}

    def note(self, fault: str, how: str, outcome: str, seconds: list[float]) -> None:
        row = self.rows.setdefault((fault, how), Row())
        row.outcomes.append(outcome)
        row.seconds += seconds

    def table(self) -> str:
        """Markdown, in the order of the faults' numbers."""
        ordered = sorted(self.rows.items(), key=lambda each: (each[0][0][0], int(each[0][0][1:])))
        lines = [
            f"| {fault} | {how} | {len(row.outcomes)} | {_result(row.outcomes)} | {_span(row.seconds)} |"
            for (fault, how), row in ordered
        ]
        return HEAD + "\n".join(lines) + "\n"


def _result(outcomes: list[str]) -> str:
    if set(outcomes) == {"passed"}:
        return "kept"
    return ", ".join(f"{outcomes.count(each)} {each}" for each in sorted(set(outcomes)))


def _span(seconds: list[float]) -> str:
    if not seconds:
        return "–"
    low, high = min(seconds), max(seconds)
    return f"{high:.1f} s" if high - low < 0.1 else f"{low:.1f} to {high:.1f} s"
