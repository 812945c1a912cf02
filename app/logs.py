"""What every process's log looks like: whoever knows all of an id may see and delete what it names, so none has all."""

from __future__ import annotations

import logging
import re

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
IDS = re.compile(r"[0-9a-f]{32,}")
SHOWN = 6  # digits of an id: enough to find the lines that belong together


class Discreet(logging.Formatter):
    """Another formatter's lines and tracebacks, without whole ids."""

    def __init__(self, whole: logging.Formatter) -> None:
        super().__init__()
        self.whole = whole

    def format(self, record: logging.LogRecord) -> str:
        return shortened(self.whole.format(record))


def shortened(text: str) -> str:
    """A text with the beginnings of the ids in it."""
    return IDS.sub(lambda found: f"{found[0][:SHOWN]}…", text)


def set_up(level: str) -> None:
    """Log to standard error, and keep whole ids out of that and of what libraries have set up for themselves, such as
    uvicorn's list of requests.
    """
    logging.basicConfig(level=level, format=FORMAT)
    for logger in [logging.getLogger(), *logging.getLogger().manager.loggerDict.values()]:
        for handler in logger.handlers if isinstance(logger, logging.Logger) else ():
            if not isinstance(handler.formatter, Discreet):
                handler.setFormatter(Discreet(handler.formatter or logging.Formatter()))
