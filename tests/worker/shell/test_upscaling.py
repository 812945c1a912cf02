"""`atelier upscale`, as somebody types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.jobs.files.recipe import Ingredient, Recipe, version
from app.jobs.files.strips import PictureInMemory
from tests.worker.engine.conftest import draw_painting, draw_photo
from tests.worker.shell.conftest import refused
from worker.shell import upscaling
from worker.shell.commands import main
from worker.shell.files import loaded, recipe_in
from worker.shell.outputs import write

SIZE = (96, 72)


@pytest.fixture(autouse=True)
def desk(desk: Path) -> Path:
    """With a photo and an artwork."""
    draw_photo(*SIZE).save("photo.png")
    recipe = Recipe(atelier=version(), styles=[Ingredient(title="Strokes")], options={"size": 96, "seed": 3})
    write(
        PictureInMemory(np.asarray(draw_painting(384, 288).resize(SIZE, Image.Resampling.LANCZOS))),
        Path("painted.png"),
        recipe,
    )
    return desk


def pixels(path: str) -> np.ndarray:
    return np.asarray(loaded(Path(path)).convert("RGB"), dtype=float)


@pytest.mark.parametrize(("suffix", "factor"), [("png", 2), ("jpg", 4), ("webp", 2), ("tif", 8)])
def test_an_artwork_is_enlarged_with_its_recipe(suffix: str, factor: int) -> None:
    out = f"out.{suffix}"
    assert main(["upscale", "painted.png", "-o", out, "--factor", str(factor), "--dpi", "200"]) == 0
    image = loaded(Path(out))
    assert image.size == (factor * 96, factor * 72)
    assert image.info["icc_profile"]
    before, after = recipe_in(loaded(Path("painted.png"))), recipe_in(image)
    assert before
    assert after
    assert (after.styles, after.extractor) == (before.styles, before.extractor)
    assert after.options == before.options | {"output_size": factor * 96, "resample": "network"}
    assert len(after.upscaler or "") == 64
    shrunk = np.asarray(image.convert("RGB").resize(SIZE, Image.Resampling.BOX), dtype=float)
    assert np.abs(shrunk - pixels("painted.png")).mean() < 10  # a WebP has half the colours
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


def test_the_plain_filter_is_pillows() -> None:
    assert main(["upscale", "painted.png", "-o", "out.png", "--method", "lanczos"]) == 0
    channels = [each.convert("F") for each in loaded(Path("painted.png")).split()]
    expected = [np.asarray(each.resize((192, 144), Image.Resampling.LANCZOS)) for each in channels]
    assert np.abs(pixels("out.png") - np.stack(expected, 2).clip(0, 255)).max() < 0.51
    recipe = recipe_in(loaded(Path("out.png")))
    assert recipe
    assert (recipe.options["resample"], recipe.upscaler) == ("lanczos", None)


def test_the_network_draws_sharper_edges_than_the_filter() -> None:
    for method in ("network", "lanczos"):
        assert main(["upscale", "painted.png", "-o", f"{method}.png", "--method", method]) == 0
    network, filtered = (np.abs(np.diff(pixels(f"{name}.png"), axis=1)).mean() for name in ("network", "lanczos"))
    assert network > 1.01 * filtered


def test_a_photo_may_be_enlarged_again_by_another_factor() -> None:
    for factor in ("2", "4"):
        assert main(["upscale", "photo.png", "-o", "out.png", "--factor", factor]) == 0
    image = loaded(Path("out.png"))
    assert image.size == (384, 288)
    recipe = recipe_in(image)
    assert recipe
    assert (recipe.styles, recipe.options) == ([], {"output_size": 384, "resample": "network"})


def test_transparency_is_enlarged_too() -> None:
    photo = draw_photo(60, 40).convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize((60, 40)))
    photo.save("clear.png")
    assert main(["upscale", "clear.png", "-o", "out.png"]) == 0
    image = loaded(Path("out.png"))
    assert (image.mode, image.size) == ("RGBA", (120, 80))
    shrunk = np.asarray(image.getchannel("A").resize((60, 40), Image.Resampling.BOX), dtype=float)
    assert np.abs(shrunk - np.asarray(photo.getchannel("A"), dtype=float)).max() < 4


def test_a_folder_for_caches_is_not_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_DATA", "photo.png/data")
    assert main(["upscale", "painted.png", "-o", "out.png"]) == 0
    assert loaded(Path("out.png")).size == (192, 144)


def test_several_and_folders_are_enlarged_past_what_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/deep").mkdir(parents=True)
    draw_photo(50, 40).save("in/a.webp")
    draw_photo(40, 50).save("in/deep/b.png")
    Path("in/torn.jpg").write_bytes(Path("photo.png").read_bytes()[:300])
    told = refused(capsys, "upscale", "painted.png", "in", "-o", "out", "--recursive")
    assert "1 of 4 pictures were not enlarged" in told
    assert "torn.jpg is damaged" in told
    sizes = {path.relative_to("out").as_posix(): loaded(path).size for path in Path("out").rglob("*.*")}
    assert sizes == {"painted.png": (192, 144), "a.webp": (100, 80), "deep/b.png": (80, 100)}
    Path("in/torn.jpg").unlink()
    assert main(["upscale", "painted.png", "in", "-o", "out", "--recursive"]) == 0
    assert "--again" in capsys.readouterr().out
    assert main(["upscale", "painted.png", "in", "-o", "out", "--recursive", "--again", "--factor", "4"]) == 0
    assert loaded(Path("out/a.webp")).size == (200, 160)


def test_nothing_that_somebody_has_is_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in Path().glob("*.*")}
    assert "itself read here" in refused(capsys, "upscale", "painted.png", "-o", "painted.png")
    assert "no artwork of Atelier's" in refused(capsys, "upscale", "painted.png", "-o", "photo.png")
    assert "should end in" in refused(capsys, "upscale", "painted.png", "-o", "out.gif")
    assert "need a folder" in refused(capsys, "upscale", "painted.png", "photo.png", "-o", "out.png")
    Path("other").mkdir()
    draw_photo().save("other/photo.png")
    assert "would both be" in refused(capsys, "upscale", "photo.png", "other/photo.png", "-o", "out")
    assert "is not there" in refused(capsys, "upscale", "missing.png", "-o", "out.png")
    assert {path: path.read_bytes() for path in Path().glob("*.*")} == before


def test_what_no_file_or_memory_can_hold_is_refused_before_it_is_made(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (5000, 40)).save("long.png")
    told = refused(capsys, "upscale", "long.png", "-o", "out.webp", "--factor", "4")
    assert "longer than the 16383 pixels" in told
    assert "--factor 2 fits" in told
    monkeypatch.setattr(upscaling, "MOST_BYTES", 6 * 400 * 300)
    assert "a png can" in refused(capsys, "upscale", "painted.png", "-o", "out.tif", "--factor", "8")
    monkeypatch.setenv("ATELIER_WORKER_MEMORY_GB", "0.1")
    assert "memory that is free" in refused(capsys, "upscale", "photo.png", "-o", "out.png")
    assert not list(Path().glob("out.*"))
