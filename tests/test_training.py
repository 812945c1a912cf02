"""Training goes on where it was broken off, on the same examples."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.conftest import ROOT
from tests.waiting import until
from tests.worker.engine.conftest import draw_painting, draw_photo
from worker.engine import load_upscaler
from worker.engine.upscale import UPSCALER_FILE

STEPS = 4


def trained(photos: Path, artworks: Path, run: Path, stop_at: int | None = None) -> dict[str, torch.Tensor]:
    """The weights after some steps; with `stop_at`, from what is left when the run is killed there."""
    command = [
        sys.executable, "-m", "training.upscale", "--photos", photos, "--artworks", artworks, "--paint", "4",
        "--paint-size", "256", "--run", run, "--steps", STEPS, "--every", stop_at or STEPS, "--batch", "2",
        "--crop", "32", "--threads", "1",
    ]  # fmt: skip
    command = [str(each) for each in command]
    if stop_at:
        with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
            until((run / "checkpoint.pt").exists, "a checkpoint", within_s=300)
            process.kill()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return load_file(run / UPSCALER_FILE)


def test_the_upscaler_is_trained_on_photos_and_on_what_is_painted_of_them(tmp_path: Path) -> None:
    photos, artworks = tmp_path / "photos", tmp_path / "artworks"
    photos.mkdir()
    for seed in range(4):
        draw_painting(230, 200, seed).save(photos / f"{seed}.png")
    whole = trained(photos, artworks, tmp_path / "whole")
    painted = {path.name: path.stat().st_mtime_ns for path in artworks.iterdir()}
    again = trained(photos, artworks, tmp_path / "broken", stop_at=2)
    assert {path.name: path.stat().st_mtime_ns for path in artworks.iterdir()} == painted
    assert sorted(painted) == [f"{seed}.png" for seed in range(4)]
    assert whole["exit.weight"].abs().max() > 0
    for name, values in whole.items():
        assert torch.equal(values, again[name]), name
    entries = [json.loads(line) for line in (tmp_path / "broken" / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [2, 4]
    assert set(entries[-1]["held_out"]) == {"photos", "artworks"}
    load_upscaler(tmp_path / "whole", torch.device("cpu"))


def test_what_came_of_it_is_compared_with_lanczos(tmp_path: Path) -> None:
    draw_photo(300, 240).save(tmp_path / "a.png")
    command = [sys.executable, "-m", "training.upscale", "--compare", str(tmp_path / "a.png"), "--run", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.count("Lanczos") == 4
    assert (tmp_path / "compared.png").exists()
