"""Paints a photo after The Starry Night: python paint.py photo.jpg artwork.jpg"""

import sys
from pathlib import Path

from atelier import RefusedError, ask, ended, send, upload

source, artwork = map(Path, sys.argv[1:])
try:
    photo = upload("/api/v1/photos", "photo", source.read_bytes())["id"]
    wish = {"photo": photo, "styles": [{"id": "starry_night"}], "size": 256, "quality": "draft"}
    job = ended("/api/v1/jobs/" + send("/api/v1/jobs", wish)["id"])
except RefusedError as refusal:
    sys.exit(f"{refusal} ({refusal.code})")
if job["status"] != "finished":
    sys.exit(f"The job has {job['status']}: {job['error']['message'] if job['error'] else 'it was stopped.'}")
artwork.write_bytes(ask(f"/api/v1/jobs/{job['id']}/artwork.jpg"))
ask(f"/api/v1/photos/{photo}", method="DELETE")  # with all that was made from it
