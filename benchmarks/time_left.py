"""How often the time that a running job is said to take contains the time that it takes.

    python -m benchmarks.time_left http://127.0.0.1:8000 --sizes 512 1024

Asks a service that runs, as its page does, and waits for each job; the first one is not counted, because nothing was
measured before it. Ends with status 1 when fewer than 9 in 10 answers were right.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import httpx2

from benchmarks.measure import machine

SAMPLE = Path(__file__).parents[1] / "static" / "pictures" / "sample.jpg"
POLL_S = 0.5
LEAST = 0.9


def told(client: httpx2.Client, photo: str, style: str, size: int) -> list[tuple[float, float, float]]:
    """Of one job, the least and the most seconds left that were told at each look, and what it then took."""
    wish = {"photo": photo, "styles": [{"id": style}], "size": size}
    address = client.post("/api/v1/jobs", json=wish).raise_for_status().headers["location"]
    looks: list[tuple[float, float, float]] = []
    while True:
        job = client.get(address).raise_for_status().json()
        now = time.monotonic()
        if job["status"] not in ("queued", "running"):
            break
        if job["status"] == "running" and job["eta_seconds"]:
            looks.append((*job["eta_seconds"], now))
        time.sleep(POLL_S)
    if job["status"] != "finished":
        raise SystemExit(f"The job ended as {job['status']}.")
    return [(least, most, now - at) for least, most, at in looks]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="where the service is")
    parser.add_argument("--photo", type=Path, default=SAMPLE)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--styles", nargs="+", default=["starry_night", "great_wave"])
    args = parser.parse_args()
    print(machine())
    right = count = 0
    with httpx2.Client(base_url=args.url, timeout=60) as client:
        files = {"photo": (args.photo.name, args.photo.read_bytes())}
        photo = client.post("/api/v1/photos", files=files).raise_for_status().json()["id"]
        told(client, photo, args.styles[0], 256)
        for size in args.sizes:
            for style in args.styles:
                looks = told(client, photo, style, size)
                # A page that looks every half second can know the end no better.
                good = sum(least - POLL_S <= took <= most + POLL_S for least, most, took in looks)
                print(f"{size:>5} {style:<24} {good} of {len(looks)}", flush=True)
                right, count = right + good, count + len(looks)
    print(f"{right} of {count} answers were right")
    sys.exit(right < LEAST * count)


if __name__ == "__main__":
    main()
