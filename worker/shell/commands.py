"""The shell's way in: `atelier paint` and all other commands. What was typed is read by parser.py."""

from __future__ import annotations

import argparse
import codecs
import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.jobs.styles import find_styles
from app.settings import Settings, SettingsError, load_settings
from worker import engine
from worker.job.failures import JobFailedError
from worker.machine import devices
from worker.shell import parser
from worker.shell.checking import check
from worker.shell.doctor import doctor
from worker.shell.doodling import doodle, parts
from worker.shell.fetching import fetch
from worker.shell.files import UsageError
from worker.shell.painting import paint, recolor
from worker.shell.upscaling import upscale

# What is said where the terminal has no such letters.
PLAIN = str.maketrans({"×": "x", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'", "…": "..."})


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0, or 1 after a sentence on standard error, or 130 when interrupted."""
    _speak_to_any_terminal()
    reader = parser.build()
    args = reader.parse_args(arguments)
    if not args.command:
        reader.print_help()
        return 0
    try:
        with _device_told(getattr(args, "verbose", False)):
            COMMANDS[args.command](args, load_settings().of_shell())
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough, such as `head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (
        UsageError,
        SettingsError,
        JobFailedError,
        engine.EngineError,
        devices.DeviceUnavailableError,
        ValueError,
        OSError,
    ) as error:
        print(f"atelier: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("atelier: stopped.", file=sys.stderr)
        return 130
    return 0


def styles(_args: argparse.Namespace, settings: Settings) -> None:
    """List the styles: id, title, artist, year."""
    for style in find_styles(own=settings.styles):
        print(f"{style.id:<36} {style.title}, {style.artist or 'unknown'}, {style.year or 'undated'}")


def presets(_args: argparse.Namespace, _settings: Settings) -> None:
    """List the presets: name, and what each is."""
    for name, preset in engine.PRESETS.items():
        print(f"{name:<20} {preset.description}")


def train_fast(args: argparse.Namespace, settings: Settings) -> None:
    """Train a network for one painting."""
    # Imported here, because torch's optimisers cost a second that no other command has to wait.
    from worker.shell import fast_training

    fast_training.train_fast(args, settings)


COMMANDS = {
    "paint": paint,
    "doodle": doodle,
    "train-fast": train_fast,
    "recolor": recolor,
    "upscale": upscale,
    "styles": styles,
    "parts": parts,
    "presets": presets,
    "fetch": fetch,
    "check": check,
    "doctor": doctor,
}


def _speak_to_any_terminal() -> None:
    """Nothing that is printed ends a command, whatever letters the terminal or the file has."""
    codecs.register_error("plain", _in_plain_letters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _in_plain_letters(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    try:
        return codecs.lookup_error("surrogateescape")(error)  # a file's name that is in no encoding, as it is
    except UnicodeEncodeError:
        plain = error.object[error.start : error.end].translate(PLAIN)
        return plain.encode("ascii", "backslashreplace").decode(), error.end


@contextmanager
def _device_told(is_told: bool) -> Iterator[None]:
    """What is painted on is said in one line where it is asked for, and else not at all."""
    log = logging.getLogger(devices.__name__)
    handler = logging.StreamHandler()
    level, log.propagate = log.level, False
    log.setLevel(logging.INFO if is_told else logging.ERROR)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = True


if __name__ == "__main__":
    sys.exit(main())
