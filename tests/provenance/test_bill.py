"""The bill of materials names all that is locked and all that ships."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from cyclonedx.model.bom import Bom

from provenance import bill, lock

NETWORKS = "models/compact.safetensors", "models/fast/starry_night.safetensors"


def test_the_written_bill_names_packages_networks_and_paintings(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bill.json"
    subprocess.run([sys.executable, "-m", "provenance.bill", path], cwd=lock.ROOT, check=True, capture_output=True)
    written = json.loads(path.read_text())
    assert (written["bomFormat"], written["metadata"]["component"]["name"]) == ("CycloneDX", "atelier")
    bom = Bom.from_json(written)  # type: ignore[attr-defined]  # a decorator of the class makes it
    parts = {part.name: part for part in bom.components}
    pins = lock.read(lock.LOCK)
    assert {(pin.name, pin.version) for pin in pins} <= {(part.name, part.version) for part in bom.components}
    files = {path.relative_to(lock.ROOT).as_posix(): path for path in lock.ROOT.glob("styles/*/*.safetensors")}
    assert len(files) > 60
    files |= {path.relative_to(lock.ROOT).as_posix(): path for path in lock.ROOT.glob("fonts/*/*.ttf")}
    for name, path in (files | {name: lock.ROOT / name for name in NETWORKS}).items():
        (known,) = parts[name].hashes
        assert known.content == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_bill_says_who_needs_what() -> None:
    needed = {each.ref.value: {part.ref.value for part in each.dependencies} for each in bill.bill().dependencies}
    purls = {pin.name: f"pkg:pypi/{pin.name}@{pin.version}" for pin in lock.read(lock.LOCK)}
    assert {purls["torch"], purls["celery"], *NETWORKS} <= needed["atelier"]
    assert {purls["torch"], purls["pillow"]} <= needed[purls["torchvision"]]
    assert purls["kombu"] not in needed["atelier"]
