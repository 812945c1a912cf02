"""`atelier doodle` and `atelier parts`, as somebody types them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.worker.engine.conftest import draw_painting, draw_photo
from tests.worker.shell.conftest import refused
from worker.shell.commands import main
from worker.shell.files import loaded, recipe_in

QUICK = ("--size", "64", "--quality", "draft")
SKY, STARS = "#2a4fb0", "#ffd83d"  # of The Starry Night


@pytest.fixture(autouse=True)
def desk(desk: Path) -> Path:
    """With a painting, its map, a photo and some maps."""
    painting = np.asarray(draw_painting(160, 120).convert("L"), float)[..., None] / 255
    above = np.arange(120)[:, None, None] < 60
    Image.fromarray(np.where(above, painting * [60, 90, 255], painting * [255, 60, 30]).astype(np.uint8)).save(
        "mine.png"
    )
    draw_map("mine_sem.png", "#00ff00", "#000000", (0, 60, 160, 120))
    draw_map("sides.png", "#00ff00", "#000000", (80, 0, 160, 120))
    draw_map("night.png", SKY, STARS, (40, 20, 80, 60))
    draw_photo(160, 120).save("photo.jpg")
    return desk


def draw_map(name: str, ground: str, drawn: str, where: tuple[int, int, int, int]) -> None:
    picture = Image.new("RGB", (160, 120), ground)
    picture.paste(drawn, where)
    picture.save(name)


def pixels(path: str) -> np.ndarray:
    return np.asarray(loaded(Path(path)).convert("RGB"), dtype=float)


def test_parts_are_listed_with_their_colours(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parts", "starry_night"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"{SKY}  sky" in lines
    assert f"{STARS}  stars and moon" in lines
    assert main(["parts", "mine.png"]) == 0
    assert sorted(capsys.readouterr().out.split()) == ["#000000", "#00ff00"]


def test_a_doodle_in_named_colours_is_painted_and_its_file_says_after_which_parts() -> None:
    assert main(["doodle", "starry_night", "--target-map", "night.png", "-o", "out.png", *QUICK]) == 0
    assert loaded(Path("out.png")).size == (64, 48)
    recipe = recipe_in(loaded(Path("out.png")))
    assert recipe
    assert {(each.id, each.part, each.color) for each in recipe.styles} == {
        ("starry_night", "sky", SKY), ("starry_night", "stars and moon", STARS),
    }  # fmt: skip
    assert recipe.options["preset"] == "doodle"
    out = pixels("out.png")
    star, sky = out[12:20, 20:28].mean((0, 1)), out[30:].mean((0, 1))
    assert star[0] > sky[0] + 40
    assert sky[2] > sky[0]


def test_a_painting_of_ones_own_is_painted_after_by_maps_of_any_colours() -> None:
    arguments = ("mine.png", "--style-map", "mine_sem.png", "--target-map", "sides.png")
    assert main(["doodle", *arguments, "-o", "said.png", *QUICK]) == 0
    assert main(["doodle", "mine.png", "--target-map", "sides.png", "-o", "beside.png", *QUICK]) == 0
    said = pixels("said.png")
    assert np.array_equal(said, pixels("beside.png")), "neural-doodle's convention finds the same map"
    left, right = said[:, :28].mean((0, 1)), said[:, 36:].mean((0, 1))
    assert left[2] > left[0]
    assert right[0] > right[2]


def test_a_photo_keeps_its_shapes_and_gets_each_parts_colours() -> None:
    Path("sides.png").rename("photo_sem.png")
    assert main(["doodle", "mine.png", "--photo", "photo.jpg", "-o", "out.png", *QUICK]) == 0
    recipe = recipe_in(loaded(Path("out.png")))
    assert recipe
    assert recipe.options["preset"] == "studio"
    out = pixels("out.png")
    assert out[:, :28].mean((0, 1))[2] > out[:, :28].mean((0, 1))[0]
    assert out[:, 36:].mean((0, 1))[0] > out[:, 36:].mean((0, 1))[2]


def test_a_map_of_one_colour_is_a_texture_of_that_part() -> None:
    draw_map("one.png", SKY, SKY, (0, 0, 1, 1))
    assert main(["doodle", "starry_night", "--target-map", "one.png", "-o", "out.png", *QUICK]) == 0
    assert pixels("out.png").std() > 10


def test_a_colour_that_means_no_part_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    draw_map("stranger.png", SKY, "#ff00ff", (0, 0, 80, 60))
    assert main(["doodle", "starry_night", "--target-map", "stranger.png", "-o", "out.png", *QUICK]) == 0
    assert "#ff00ff means no part of “The Starry Night”, and is painted as" in capsys.readouterr().out


def test_faults_are_a_sentence_each(capsys: pytest.CaptureFixture[str]) -> None:
    draw_map("alien.png", "#00ff00", "#ff00ff", (0, 0, 80, 60))
    Image.new("RGB", (300, 60), SKY).save("wide.png")
    pen = np.random.default_rng(1).integers(0, 256, (240, 250, 3), dtype=np.uint8)
    Image.fromarray(pen).save("noise.png")  # 60,000 colours
    out = ("-o", "out.png", *QUICK)
    night = ("doodle", "starry_night")
    assert "perhaps it is a map for another painting" in refused(capsys, *night, "--target-map", "alien.png", *out)
    assert "too many colours" in refused(capsys, *night, "--target-map", "noise.png", *out)
    assert "--target-map MAP" in refused(capsys, *night, *out)
    assert "is not there" in refused(capsys, *night, "--target-map", "none.png", *out)
    told = refused(capsys, *night, "--target-map", "wide.png", "--photo", "photo.jpg", *out)
    assert "differ too much in shape: 300×60 and 160×120 pixels" in told
    assert "has its own parts" in refused(
        capsys, *night, "--style-map", "mine_sem.png", "--target-map", "night.png", *out
    )
    told = refused(capsys, "doodle", "mona_lisa", "--target-map", "night.png", *out)
    assert "no map of the parts of “Mona Lisa”" in told
    assert "starry_night" in told
    Path("mine_sem.png").unlink()
    assert "say --style-map MAP" in refused(capsys, "doodle", "mine.png", "--target-map", "sides.png", *out)
    assert not Path("out.png").exists()
