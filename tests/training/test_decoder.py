"""The decoder's training: it goes on where it was broken off, and what it minimises goes down."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from tests.training.conftest import BreakOff
from tests.worker.engine.conftest import MODELS, compact, draw_photo
from training import decoder as training
from worker.engine import load_extractor, load_fingerprint
from worker.engine.networks.decoder import Decoder
from worker.engine.networks.extractors import DECODER_FILE
from worker.engine.style.cells import CELL

STYLES = MODELS.with_name("styles")
TINY = ["--steps", "4", "--batch", "1", "--every", "2", "--warmup", "1"]


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that name small folders of photos and styles, of whose photos one is held out."""
    monkeypatch.setattr(training, "HELD_OUT", 1)
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(3):
        draw_photo(200 + 10 * number, 150).save(photos / f"{number}.png")
    for name in ("starry_night", "great_wave"):
        shutil.copytree(STYLES / name, tmp_path / "styles" / name)
    return ["--photos", str(photos), "--styles", str(tmp_path / "styles"), "--models", str(MODELS)]


def test_a_run_that_was_broken_off_goes_on_on_the_same_curve(
    folders: list[str], tmp_path: Path, break_off: BreakOff
) -> None:
    training.main([*folders, *TINY, "--run", str(tmp_path / "whole")])
    break_off(lambda: training.main([*folders, *TINY, "--run", str(tmp_path / "broken")]))
    training.main([*folders, *TINY, "--run", str(tmp_path / "broken")])

    whole, broken = (load_file(tmp_path / run / DECODER_FILE) for run in ("whole", "broken"))
    assert all(torch.allclose(whole[name], broken[name], atol=1e-4) for name in whole)
    logs = [(tmp_path / run / "log.jsonl").read_text().splitlines() for run in ("whole", "broken")]
    one, other = ([json.loads(line) for line in log] for log in logs)
    assert [entry["step"] for entry in one] == [entry["step"] for entry in other] == [2, 4]
    assert one[1]["held_out"]["objective"] == pytest.approx(other[1]["held_out"]["objective"], rel=1e-3)
    with Image.open(tmp_path / "whole" / "samples.png") as samples:
        assert samples.height >= 128


def test_what_was_trained_is_what_is_loaded(folders: list[str], tmp_path: Path) -> None:
    training.main([*folders, *TINY, "--run", str(tmp_path / "run")])
    models = tmp_path / "models"
    shutil.copytree(MODELS, models)
    shutil.copy(tmp_path / "run" / DECODER_FILE, models)
    found = load_extractor("compact", models, tmp_path, torch.device("cpu"), torch.float32).decoder
    assert found is not None
    assert found.weights_hash != load_extractor("compact", MODELS, tmp_path).decoder.weights_hash  # type: ignore[union-attr]


def test_a_network_that_is_trained_on_one_example_draws_it_better() -> None:
    extractor = compact(torch.float32)
    style = load_fingerprint(STYLES / "starry_night" / "fingerprint.safetensors", extractor)
    torch.manual_seed(0)
    net = Decoder(columns=240)
    chosen = training.Recipe(crops=(64,), known=0.0)
    studio = training.Studio([draw_photo(200, 150)], [style], extractor, chosen)
    example = studio.example(net, random.Random(1))
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    losses = []
    for _ in range(30):
        loss = torch.stack(example.loss(net, chosen.grain)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_grain_is_what_repeats_with_the_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = 0.5 + 0.1 * torch.randn(1, 3, 128, 128, generator=generator)
    flat = torch.full_like(noise, 0.5)
    tile = 0.1 * torch.randn(1, 3, CELL, CELL, generator=generator)
    pattern = flat + tile.repeat(1, 1, 32, 32)
    # Noise of the same strength is averaged away over 64 cells; the pattern stays as it is.
    assert training.regular_grain(pattern, flat) > 20 * training.regular_grain(noise, flat)
    assert training.regular_grain(pattern, pattern) == 0
