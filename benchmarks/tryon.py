"""How soon a photo is tried on after the first six paintings, and after all of them.

    python -m benchmarks.tryon http://127.0.0.1:8000

Asks a service that runs and has nothing else to do, as its page does, but looks more often. The first photo warms the
worker up: it loads PyTorch's kernels, the networks and the paintings once. Beside it stands how long one artwork takes
that is as small, by a job of its own.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.measure import machine

SAMPLE = Path(__file__).parents[1] / "static" / "pictures" / "sample.jpg"
LOOK_S = 0.1
FIRST = 6


def tried(client: httpx2.Client, content: bytes, styles: list[str]) -> tuple[float, float]:
    """Seconds from asking until the first six of a new photo's tries are there, and until all are."""
    address = f"/api/v1/photos/{sent(client, content)}/tries"
    began = time.monotonic()
    client.post(address, json={"styles": styles}).raise_for_status()
    first = 0.0
    while True:
        answer: Any = client.get(address).raise_for_status().json()
        now = time.monotonic() - began
        if len(answer["tries"]) >= FIRST:
            first = first or now
        if len(answer["tries"]) == len(styles):
            client.delete(address.removesuffix("/tries")).raise_for_status()
            return first, now
        if not answer["left"]:
            raise SystemExit(f"Only {len(answer['tries'])} of {len(styles)} tries came.")
        time.sleep(LOOK_S)


def painted(client: httpx2.Client, content: bytes, style: str) -> float:
    """Seconds of a job as small and as quick as a try, from asking until it has ended."""
    photo = sent(client, content)
    wish = {"photo": photo, "styles": [{"id": style}], "size": 256, "preset": "instant"}
    began = time.monotonic()
    address = client.post("/api/v1/jobs", json=wish).raise_for_status().headers["location"]
    while client.get(address).raise_for_status().json()["status"] in ("queued", "running"):
        time.sleep(LOOK_S)
    took = time.monotonic() - began
    client.delete(f"/api/v1/photos/{photo}").raise_for_status()
    return took


def sent(client: httpx2.Client, content: bytes) -> str:
    """The id of a photo that is new to the service."""
    answer = client.post("/api/v1/photos", files={"photo": ("photo.jpg", content)})
    return str(answer.raise_for_status().json()["id"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="where the service is")
    parser.add_argument("--photo", type=Path, default=SAMPLE)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    print(machine())
    content = args.photo.read_bytes()
    with httpx2.Client(base_url=args.url, timeout=60) as client:
        styles = [each["id"] for each in client.get("/api/v1/styles").raise_for_status().json()]
        first, everything = tried(client, content, styles)
        print(f"cold   first {FIRST}: {first:5.2f} s   all {len(styles)}: {everything:6.2f} s", flush=True)
        runs = [tried(client, content, styles) for _ in range(args.runs)]
        jobs = [painted(client, content, style) for style in styles[: args.runs]]
    first, everything = (statistics.median(each) for each in zip(*runs, strict=True))
    print(f"warm   first {FIRST}: {first:5.2f} s   all {len(styles)}: {everything:6.2f} s   median of {args.runs}")
    job = statistics.median(jobs)
    print(f"a job as small: {job:.2f} s; a try takes {everything / len(styles) / job:.2f} of it")


if __name__ == "__main__":
    main()
