"""The upscaler's training: it goes on where it was broken off, on photos and on what is painted of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.conftest import BreakOff
from tests.worker.engine.conftest import MODELS, draw_painting, draw_photo
from training import upscale as training
from worker.engine import load_upscaler
from worker.engine.networks.upscale import UPSCALER_FILE

STYLES = MODELS.with_name("styles")
TINY = ["--steps", "4", "--batch", "2", "--crop", "32", "--every", "2", "--warmup", "1", "--paint-size", "256"]


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """The arguments that name a small folder of photos, of which one is held out, and one for their paintings."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(4):
        draw_painting(230, 200, seed).save(photos / f"{seed}.png")
    artworks = ["--artworks", str(tmp_path / "artworks"), "--paint", "4"]
    return ["--photos", str(photos), *artworks, "--styles", str(STYLES), "--models", str(MODELS)]


def test_a_run_that_was_broken_off_goes_on_on_the_same_curve(
    folders: list[str], tmp_path: Path, break_off: BreakOff
) -> None:
    training.main([*folders, *TINY, "--run", str(tmp_path / "whole")])
    painted = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "artworks").iterdir()}
    assert sorted(painted) == [f"{seed}.png" for seed in range(4)]
    break_off(lambda: training.main([*folders, *TINY, "--run", str(tmp_path / "broken")]))
    training.main([*folders, *TINY, "--run", str(tmp_path / "broken")])

    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "artworks").iterdir()} == painted
    whole, broken = (load_file(tmp_path / run / UPSCALER_FILE) for run in ("whole", "broken"))
    assert whole["exit.weight"].abs().max() > 0
    assert all(torch.allclose(whole[name], broken[name], atol=1e-4) for name in whole)
    logs = [(tmp_path / run / "log.jsonl").read_text().splitlines() for run in ("whole", "broken")]
    one, other = ([json.loads(line) for line in log] for log in logs)
    assert [entry["step"] for entry in one] == [entry["step"] for entry in other] == [2, 4]
    assert set(one[-1]["held_out"]) == {"photos", "artworks"}
    assert (tmp_path / "whole" / "photos.png").exists()
    load_upscaler(tmp_path / "whole", torch.device("cpu"))


def test_without_photos_it_says_so(tmp_path: Path) -> None:
    draw_photo(100, 80).save(tmp_path / "small.png")
    with pytest.raises(SystemExit, match="no JPEGs or PNGs"):
        training.main(["--photos", str(tmp_path), "--models", str(MODELS), "--run", str(tmp_path / "run")])


def test_what_came_of_it_is_compared_with_lanczos(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draw_painting(300, 241).save(tmp_path / "a.png")
    training.main(["--compare", str(tmp_path / "a.png"), "--models", str(MODELS), "--run", str(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    gains = [float(line.split()[-1]) for line in lines if line.startswith("halved by")]
    assert len(gains) == 3
    assert min(gains) > 0.2
    assert (tmp_path / "compared.png").exists()
