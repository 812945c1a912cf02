"""The first view of the home page in a real Chromium whose processor is slowed down: bytes by kind, requests, and when
the largest thing was painted.

Real server, real Redis, no worker; every view begins with an empty cache. Ends with status 1 when a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, CDPSession, sync_playwright

from benchmarks.front_end import front_end

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SLOWER = 4
VIEWS: dict[str, dict[str, Any]] = {
    "desk": {"viewport": {"width": 1280, "height": 800}},
    "large": {"viewport": {"width": 1920, "height": 1080}},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "is_mobile": True},
}
MOST_BYTES, MOST_PAINT_S = 235_000, 1.0
# The last of the candidates is the largest. Asked for as a function: the page's policy forbids to evaluate strings.
LARGEST = """() => new Promise((resolve) => new PerformanceObserver((list) => {
  const last = list.getEntries().at(-1);
  resolve([last.startTime, last.element?.tagName ?? "", last.size]);
}).observe({ type: "largest-contentful-paint", buffered: true }))"""


@dataclass
class View:
    """What one view took: bytes with headers and requests by kind, hosts asked, and the largest paint."""

    sizes: Counter[str] = field(default_factory=Counter)
    requests: Counter[str] = field(default_factory=Counter)
    hosts: set[str] = field(default_factory=set)
    paint_s: float = 0.0
    largest: str = ""


def listen(session: CDPSession, view: View) -> None:
    """Note every request from now on."""
    kinds: dict[str, str] = {}

    def sent(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event.get("type", "Other")
        view.requests[event.get("type", "Other")] += 1
        view.hosts.add(urlsplit(event["request"]["url"]).netloc)

    def finished(event: dict[str, Any]) -> None:
        view.sizes[kinds[event["requestId"]]] += int(event["encodedDataLength"])

    session.on("Network.requestWillBeSent", sent)
    session.on("Network.loadingFinished", finished)
    session.send("Network.enable")


def look(browser: Browser, address: str, options: dict[str, Any], slower: float) -> View:
    """Open the page as a stranger does, and wait until nothing more is loaded."""
    view = View()
    context = browser.new_context(**options)
    try:
        page = context.new_page()
        session = context.new_cdp_session(page)
        listen(session, view)
        session.send("Emulation.setCPUThrottlingRate", {"rate": slower})
        answer = page.goto(address, wait_until="networkidle")
        if answer is None or not answer.ok:
            raise SystemExit("The page could not be opened.")
        milliseconds, tag, size = page.evaluate(LARGEST)
        view.paint_s, view.largest = milliseconds / 1e3, f"{tag.lower()} of {size:.0f} pixels"
    finally:
        context.close()
    return view


def report(name: str, views: list[View], host: str) -> bool:
    """Print a table of the views of one kind of screen; whether they keep the bounds."""
    first = views[0]
    paint_s = median(view.paint_s for view in views)
    total, elsewhere = first.sizes.total(), set().union(*(view.hosts for view in views)) - {host}
    print(f"{name}: {VIEWS[name]['viewport']['width']} × {VIEWS[name]['viewport']['height']}")
    for kind, count in sorted(first.requests.items()):
        print(f"  {kind:<12} {count:>4} requests {first.sizes[kind] / 1e3:>8.1f} kB")
    print(f"  {'all':<12} {first.requests.total():>4} requests {total / 1e3:>8.1f} kB")
    print(f"  to elsewhere: {', '.join(elsewhere) or 'none'}")
    each = sorted(view.paint_s for view in views)
    print(f"  largest paint: {paint_s:.2f} s ({each[0]:.2f} to {each[-1]:.2f} s), {first.largest}", flush=True)
    return total <= MOST_BYTES and not elsewhere and paint_s < MOST_PAINT_S


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="views of each kind, of which the median counts")
    parser.add_argument("--slower", type=float, default=SLOWER, help="how much slower the page's processor is")
    args = parser.parse_args()
    chromium = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if chromium is None:
        raise SystemExit("No Chromium was found: install it, or name the program in CHROMIUM.")
    with tempfile.TemporaryDirectory() as folder, front_end(Path(folder)) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        host = f"127.0.0.1:{served.port}"
        kept = [
            report(name, [look(browser, f"http://{host}/", options, args.slower) for _ in range(args.runs)], host)
            for name, options in VIEWS.items()
        ]
        browser.close()
    sys.exit(0 if all(kept) else 1)


if __name__ == "__main__":
    main()
