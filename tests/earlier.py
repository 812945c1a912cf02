"""What the release before this one stored: names and bytes as it wrote them, whatever today's code calls them.

The manifest and the hash are whole; of the other manifests only what differs is written out.
"""

from __future__ import annotations

import json

import redis
from redis.typing import EncodableT, FieldT

from app.jobs.storage.protocol import Storage

PHOTO, PAINTING, SERIES, SHARE = "1" * 32, "2" * 32, "5" * 32, "3" * 32
MASK = "48bf9b4f142ab45cac6f33cf99415bca"
WAITING, RUNNING, FINISHED, STOPPED, FAILED, EXPIRED, RECOLORED = (digit * 32 for digit in "abcdef9")

MANIFEST = """\
{
 "id": "cccccccccccccccccccccccccccccccc",
 "state": "finished",
 "request": {
  "preset": "studio",
  "size": 256,
  "strength": 1.0,
  "brush": 1.0,
  "smoothing": 1.0,
  "seed": 0,
  "quality": "draft",
  "keep_colors": 0.0,
  "color_method": "luminance",
  "color_when": "after",
  "feather": 0.01,
  "guides": "simple",
  "start": null,
  "content_layers": null,
  "style_layers": null,
  "content_scaling": null,
  "style_loss": null,
  "pooling": null,
  "optimizer": null,
  "iterations": null,
  "min_improvement": 0.0,
  "output_size": null,
  "resample": "lanczos",
  "styles": [
   {
    "id": "strokes",
    "weight": 1.0,
    "mask": null,
    "color": null
   }
  ],
  "keep": null,
  "color_mask": null,
  "start_job": null,
  "extractor": "auto",
  "keep_transparency": false,
  "photo": "11111111111111111111111111111111"
 },
 "planned_work": 4.0,
 "created_at": 1764374400.25,
 "started_at": 1764374401.5,
 "finished_at": 1764374460.75,
 "attempt": 1,
 "history": [],
 "rests_until": 0.0,
 "oom_kills": null,
 "fence": 1,
 "version": 4,
 "sequence": 3,
 "holder": "x:1",
 "progress": null,
 "preview": 0,
 "preview_fence": 0,
 "seconds_per_unit": null,
 "error": null,
 "cancel_requested": false,
 "keeps": false,
 "artwork_width": 1024,
 "artwork_height": 768,
 "client": "client-a",
 "retry_of": null,
 "recolor_of": null,
 "retried_by": null,
 "share": "33333333333333333333333333333333"
}"""
NOT_BEGUN: dict[str, object] = {
    "started_at": None, "finished_at": None, "attempt": 0, "fence": 0, "version": 1, "holder": "",
    "artwork_width": None, "artwork_height": None, "share": None,
}  # fmt: skip
# Of other jobs, where they differ from that one.
OTHERS: dict[str, dict[str, object]] = {
    WAITING: NOT_BEGUN
    | {
        "state": "queued", "planned_work": 10.0, "sequence": 1,
        "request": {
            "seed": 7, "keep_colors": 0.5, "keep": MASK,
            "styles": [
                {"id": "strokes", "weight": 1.0, "mask": None, "color": None},
                {"id": f"own_{PAINTING}", "weight": 2.0, "mask": MASK, "color": "#ffffff"},
            ],
        },
    },
    RUNNING: NOT_BEGUN | {"state": "queued", "sequence": 2},
    STOPPED: {
        "state": "cancelled", "sequence": 4, "keeps": True, "artwork_width": 512, "artwork_height": 384, "client": "",
        "retried_by": FAILED, "share": None,
    },
    FAILED: {
        "state": "failed", "version": 3, "sequence": 5, "artwork_width": None, "artwork_height": None, "client": "",
        "error": {"code": "worker_lost", "message": "The painting was given up."}, "retry_of": STOPPED, "share": None,
    },
    RECOLORED: NOT_BEGUN
    | {
        "state": "queued", "planned_work": 0.0, "sequence": 6, "client": "", "recolor_of": FINISHED,
        "request": {"keep_colors": 1.0},
    },
    EXPIRED: NOT_BEGUN | {"state": "expired", "version": 2, "sequence": 7, "client": ""},
}  # fmt: skip

# A running job's hash in Redis.
RECORD: dict[FieldT, EncodableT] = {
    "id": RUNNING,
    "state": "running",
    "request": (
        '{"preset": "studio", "size": 256, "strength": 1.0, "brush": 1.0, "smoothing": 1.0, "seed": 0, '
        '"quality": "draft", "keep_colors": 0.0, "color_method": "luminance", "color_when": "after", "feather": 0.01, '
        '"guides": "simple", "min_improvement": 0.0, "resample": "lanczos", '
        '"styles": [{"id": "strokes", "weight": 1.0}], "extractor": "auto", "keep_transparency": false, '
        '"photo": "11111111111111111111111111111111"}'
    ),
    "planned_work": "4.0",
    "created_at": "1764374400.25",
    "started_at": "1764374401.5",
    "attempt": "1",
    "history": '[{"began_at": 1764374400.5, "ended_at": 1764374401.25, "reached": 0.25, "cut": "killed"}]',
    "rests_until": "1764374401.25",
    "oom_kills": "3",
    "fence": "1",
    "version": "3",
    "sequence": "2",
    "holder": "old/pid:[4026531836]:12",
    "progress": '{"stage":0,"stages":2,"scale":128,"iteration":5,"iterations":20,"fraction":0.25}',
    "preview": "1",
    "preview_fence": "1",
    "seconds_per_unit": "0.5",
    "cancel_requested": "false",
    "keeps": "false",
    "client": "client-a",
    "published_at": "1764374401",
}

# Of an iterate [1, 3, 2, 2], after five evaluations of the second stage.
CHECKPOINT = (
    b'\xe8\x00\x00\x00\x00\x00\x00\x00{"__metadata__":{"checkpoint":"{\\"format\\": \\"atelier-checkpoint-1\\", '
    b'\\"stage\\": 1, \\"iteration\\": 5, \\"seed\\": 7, \\"plan\\": \\"a plan\\", \\"optimizer\\": \\"L-BFGS\\"}"},'
    b'"iterate":{"dtype":"F32","shape":[1,3,2,2],"data_offsets":[0,48]}}'
    b"\x00\x00\x00\x00\x00\x00\x80=\x00\x00\x00>\x00\x00@>\x00\x00\x80>\x00\x00\xa0>"
    b"\x00\x00\xc0>\x00\x00\xe0>\x00\x00\x00?\x00\x00\x10?\x00\x00 ?\x00\x000?"
)

BLOBS = {
    f"photos/{PHOTO}/photo.jpg": b"jpeg",
    f"photos/{PHOTO}/thumb.webp": b"webp",
    f"photos/{PHOTO}/alpha.png": b"png",
    f"photos/{PHOTO}/photo.json": (
        b'{"width": 4, "height": 3, "created_at": 1764374400.25, "client": "client-a", "is_transparent": true}'
    ),
    f"photos/{PHOTO}/mask-{MASK}.png": b"mask",
    f"photos/{PHOTO}/mask-{MASK}.json": (
        b'{"width":4,"height":3,"white":0.5,"colors":{"#ffffff":0.5,"#000000":0.5},"grid":"' + b"A" * 1366 + b'=="}'
    ),
    f"paintings/{PAINTING}/painting.jpg": b"jpeg",
    f"paintings/{PAINTING}/thumb.webp": b"webp",
    f"paintings/{PAINTING}/painting.json": (
        b'{"width": 4, "height": 3, "created_at": 1764374400.25, "client": "client-a"}'
    ),
    f"paintings/{PAINTING}/fingerprint.compact-0123456789ab.safetensors": b"fingerprint",
    f"series/{SERIES}/series.json": (
        f'{{\n "id": "{SERIES}",\n "created_at": 1764374400.25,\n "photos": [\n  "{PHOTO}"\n ],\n'
        f' "jobs": [\n  "{WAITING}"\n ]\n}}'
    ).encode(),
    f"shares/{SHARE}/job": FINISHED.encode(),
    f"jobs/{WAITING}/000001/preview-1.webp": b"webp",
    f"jobs/{WAITING}/000001/checkpoint.safetensors": CHECKPOINT,
    f"jobs/{RUNNING}/000001/preview-1.webp": b"webp",
    f"jobs/{RUNNING}/000001/checkpoint.safetensors": CHECKPOINT,
    f"jobs/{FINISHED}/000001/artwork.png": b"png",
    f"jobs/{FINISHED}/000001/artwork.tif": b"tif",
    f"jobs/{STOPPED}/000001/artwork.png": b"png",
}


def manifest(job_id: str) -> bytes:
    """A job's manifest, as it was written."""
    whole = json.loads(MANIFEST)
    changed = OTHERS.get(job_id, {})
    request = whole["request"] | changed.get("request", {})
    return json.dumps(whole | changed | {"id": job_id, "request": request}, indent=1).encode()


def store(storage: Storage) -> None:
    """Store every blob, under the name that it had."""
    for name, content in BLOBS.items():
        storage.put(name, content)
    for job_id in (FINISHED, *OTHERS):
        storage.put(f"jobs/{job_id}/job.json", manifest(job_id))


def remember(connection: redis.Redis) -> None:
    """What Redis had of the running job, whose lease has run out since."""
    connection.hset(f"atelier:job:{RUNNING}", mapping=RECORD)
    connection.zadd("atelier:running", {RUNNING: 1764374431.5})
    connection.sadd(f"atelier:photo:{PHOTO}", RUNNING)
    connection.zadd("atelier:photos", {PHOTO: 1764460800.25})
    connection.set("atelier:sequence", 7)
