"""`atelier fetch`: what does not ship, downloaded once. VGG's weights, and the built-in paintings' originals."""

from __future__ import annotations

import argparse
import difflib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from tqdm import tqdm

from app.jobs.styles import Style, find_styles
from app.settings import Settings
from worker import engine
from worker.job.originals import Collector, NotOriginalError, Size, address
from worker.shell.files import UsageError, opened
from worker.shell.interrupts import Interrupts
from worker.shell.painting import MODELS, ROOT

# Between two originals. Commons allows unknown programs 25 megabits a second.
PAUSE_S = 1.0
Report = Callable[[int, int], None]


def fetch(args: argparse.Namespace, settings: Settings) -> None:
    """Download what was asked for.

    Raises:
        UsageError: not all of it could be.
    """
    if args.what == "paintings":
        _fetch_originals(args, settings)
    elif args.ids:
        raise UsageError(f"`atelier fetch {args.what}` takes no ids; `atelier fetch paintings` does.")
    else:
        _fetch_weights(args.what, settings)


def _fetch_weights(name: str, settings: Settings) -> None:
    """Download a VGG's weights into the model cache, and normalise them over the project's own pictures."""
    paths = [ROOT / "static" / "pictures" / "sample.jpg", *sorted((ROOT / "styles").glob("*/example.webp"))]
    pictures = [opened(path) for path in paths]
    with _bar(name) as report:
        path = engine.fetch_weights(name, settings.models_cache, report, calibration=pictures)
    print(path)


def _fetch_originals(args: argparse.Namespace, settings: Settings) -> None:
    """Fetch the paintings' originals that are not here yet, and say at the end how many there are.

    Raises:
        UsageError: some could not be fetched.
        KeyboardInterrupt: it was stopped; the next time goes on with what has come.
    """
    asked, without = _asked(args.ids)
    collector = Collector(settings.originals_cache, args.size, args.contact, args.site)
    compact = engine.load_extractor("compact", MODELS, settings.models_cache, torch.device("cpu"))
    fetched, there, failed = 0, 0, list[str]()
    with Interrupts():
        try:
            for index, style in enumerate(asked):
                try:
                    measured = _measured(style, compact)
                    if not args.again and collector.has(style, measured):
                        there += 1
                        continue
                    if fetched or failed:
                        time.sleep(PAUSE_S)
                    with _bar(f"{index + 1}/{len(asked)} {style.id}") as report:
                        collector.fetch(style, measured, report)
                    fetched += 1
                except (engine.UnreachableError, engine.BusyError) as error:
                    # Whoever is asked for the next one would answer the same.
                    failed.append(f"{style.id}: {error} {_advice(error, args.contact)}")
                    break
                except (engine.DownloadError, NotOriginalError) as error:
                    failed.append(f"{style.id}: {error}")
        finally:
            left = len(asked) - fetched - there - len(failed)
            print(f"{collector.folder}: {_told(fetched, there, len(failed), left, without)}")
    if failed:
        raise UsageError("\n  ".join([f"{len(failed) + left} of {len(asked)} originals were not fetched:", *failed]))


def _asked(ids: Sequence[str]) -> tuple[list[Style], int]:
    """The built-in paintings with these ids, each once; without any, all that Commons has, and how many it has not.

    Raises:
        UsageError: there is no such painting.
    """
    hanging = {style.id: style for style in find_styles()}
    for each in ids:
        if each not in hanging:
            near = difflib.get_close_matches(each, hanging)
            hint = f"Did you mean {' or '.join(near)}?" if near else "`atelier styles` lists them."
            raise UsageError(f"There is no built-in painting {each!r}. {hint}")
    if ids:
        return [hanging[each] for each in dict.fromkeys(ids)], 0
    found = [style for style in hanging.values() if address(style, 0)]
    return found, len(hanging) - len(found)


def _measured(style: Style, compact: engine.Extractor) -> Size | None:
    """Width and height of the scan that the shipped fingerprint was made from."""
    path = style.fingerprint(compact.name)
    codebooks = engine.load_fingerprint(path, compact).codebooks if path else ()
    return codebooks[0][0].size if codebooks else None


def _advice(error: engine.DownloadError, contact: str) -> str:
    if isinstance(error, engine.UnreachableError):
        return "Check the connection and run the command again; what is here stays."
    hint = "" if contact else ", with --contact: who says how to be reached may ask for more"
    return f"Run the command again later{hint}."


def _told(fetched: int, there: int, failed: int, left: int, without: int) -> str:
    told = [f"{fetched} fetched", f"{there} there already{' (--again fetches them anew)' if there else ''}"]
    told += [f"{failed} failed"] if failed else []
    told += [f"{left} left"] if left else []
    told += [f"{without} without a file at Wikimedia Commons"] if without else []
    return ", ".join(told)


@contextmanager
def _bar(title: str) -> Iterator[Report]:
    with tqdm(unit="B", unit_scale=True, desc=title) as bar:

        def report(done: int, total: int) -> None:
            bar.total = total or None
            bar.update(done - bar.n)

        yield report
