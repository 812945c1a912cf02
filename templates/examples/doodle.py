"""Paints a map of colours from the parts of a painting: python doodle.py artwork.png"""

import json
import struct
import sys
from pathlib import Path

from atelier import ask, ended, send, upload

WIDTH, HEIGHT = 256, 192


def bands(colors):
    """A picture, as BMP, of as many bands one above the other; a part has the colour that is its own."""
    rows = b"".join(bytes.fromhex(color[1:])[::-1] * WIDTH * (HEIGHT // len(colors)) for color in reversed(colors))
    size = struct.pack("<IiiHHIIiiII", 40, WIDTH, len(rows) // WIDTH // 3, 1, 24, 0, len(rows), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(rows), 0, 0, 54) + size + rows


painting = next(style for style in json.loads(ask("/api/v1/styles")) if style["parts"])
drawn = bands([part["color"] for part in painting["parts"][:2]])
photo = upload("/api/v1/photos", "photo", drawn)["id"]  # only its size counts
target = upload(f"/api/v1/photos/{photo}/masks", "mask", drawn)["id"]
doodle = send("/api/v1/doodles", {"photo": photo, "target_map": target, "style": painting["id"], "size": 256})
print(painting["title"], doodle["parts"])
job = ended("/api/v1/jobs/" + doodle["job"]["id"])
Path(sys.argv[1]).write_bytes(ask(f"/api/v1/jobs/{job['id']}/artwork.png"))
