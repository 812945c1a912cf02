"""The shell's commands, as somebody types them."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from app.jobs.files.strips import PictureInMemory
from app.jobs.options import PaintingOptions
from tests.worker.engine.conftest import draw_painting, draw_photo
from tests.worker.shell.conftest import refused
from worker import engine
from worker.shell.commands import main
from worker.shell.files import loaded, recipe_in
from worker.shell.outputs import write
from worker.shell.parser import build

QUICK = ("--size", "64", "--iterations", "3")
BUILT_IN = "starry_night"


@pytest.fixture(autouse=True)
def desk(desk: Path) -> Path:
    """With a photo, a painting and a style of the owner's."""
    draw_painting(160, 130).save(desk / "styles" / "strokes.png")
    draw_painting(140, 140, seed=8).save(desk / "mine.jpg")
    draw_photo(200, 150).save(desk / "photo.jpg", quality=95)
    return desk


def pixels(path: str) -> np.ndarray:
    return np.asarray(loaded(Path(path)).convert("RGB"), dtype=float)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif", "tiff"])
def test_a_photo_is_painted_and_its_file_says_how(suffix: str) -> None:
    out = f"out.{suffix}"
    assert main(["paint", "photo.jpg", "--style", "strokes", "-o", out, "--seed", "4", *QUICK]) == 0
    image = loaded(Path(out))
    assert image.size == (64, 48)
    recipe = recipe_in(image)
    assert recipe
    assert recipe.styles[0].title == "Strokes"
    assert (recipe.options["size"], recipe.options["seed"], recipe.options["iterations"]) == (64, 4, 3)
    assert recipe.extractor
    assert recipe.extractor.name == "compact"
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


def test_a_style_may_be_a_file_and_is_not_named_by_it() -> None:
    assert main(["paint", "photo.jpg", "--style", "mine.jpg=2", "--style", "strokes", "-o", "out.png", *QUICK]) == 0
    recipe = recipe_in(loaded(Path("out.png")))
    assert recipe
    assert [(each.title, each.weight) for each in recipe.styles] == [("Own painting", 2), ("Strokes", 1)]
    assert "mine" not in recipe.text()


def test_a_built_in_style_is_painted_at_once() -> None:
    assert main(["paint", "photo.jpg", "--style", BUILT_IN, "-o", "out.png", *QUICK]) == 0


def test_styles_have_their_places_and_parts_stay_the_photo() -> None:
    colors = Image.new("RGB", (30, 20), "#ff0000")
    ImageDraw.Draw(colors).rectangle((0, 0, 14, 19), "#0000ff")
    colors.save("map.png")
    top = Image.new("L", (30, 20))
    ImageDraw.Draw(top).rectangle((0, 0, 29, 7), "white")
    top.save("top.png")
    masks = ["--mask", "strokes=map.png#FF0000", "--mask", "mine.jpg=map.png#0000ff", "--keep", "top.png"]
    styles = ["--style", "strokes", "--style", "mine.jpg"]
    assert main(["paint", "photo.jpg", *styles, *masks, "--feather", "0", "-o", "out.png", *QUICK]) == 0
    photo = np.asarray(draw_photo(200, 150).resize((64, 48), Image.Resampling.LANCZOS), dtype=float)
    difference = np.abs(pixels("out.png") - photo).mean(2)
    assert difference[:15].mean() < 6
    recipe = recipe_in(loaded(Path("out.png")))
    assert recipe
    assert [(each.mask, each.color) for each in recipe.styles] == [(1, "#ff0000"), (1, "#0000ff")]
    assert recipe.keep


def test_every_option_of_the_engine_has_a_flag() -> None:
    typed = [
        "--preset", "multiscale-w2", "--size", "64", "--strength", "2", "--brush", "0.5", "--smoothing", "0", "--seed",
        "9", "--quality", "draft", "--keep-colors", "0.5", "--color-method", "linear", "--color-when", "before",
        "--feather", "0.05", "--guides", "inside", "--start", "noise", "--content-layer", "relu3_1=2",
        "--content-layer", "relu4_2", "--style-layer", "relu1_1", "--content-scaling", "mse", "--style-loss",
        "relative-gram", "--pooling", "average", "--optimizer", "lbfgs", "--iterations", "5", "--min-improvement", "1",
        "--output-size", "256", "--resample", "nearest", "--variety", "2", "--fidelity", "0.5",
    ]  # fmt: skip
    assert main(["paint", "photo.jpg", "--style", "strokes", "-o", "out.png", *typed]) == 0
    image = loaded(Path("out.png"))
    assert image.size == (256, 192)
    recipe = recipe_in(image)
    assert recipe
    assert set(recipe.options) == {field.name for field in fields(engine.PaintOptions)}
    assert recipe.options["content_layers"] == {"relu3_1": 2, "relu4_2": 1}
    usual = engine.PaintOptions()
    assert all(recipe.options[name] != getattr(usual, name) for name in recipe.options)


def test_help_says_of_every_option_what_the_contract_says_of_it() -> None:
    (commands,) = (action.choices for action in build()._actions if isinstance(action.choices, dict))
    told = {action.dest: action.help for action in commands["paint"]._actions}
    for name, field in PaintingOptions.model_fields.items():
        assert field.description, name
        assert field.description in told[name], name


def test_colors_are_kept_wholly_where_no_share_is_named() -> None:
    args = build().parse_args(["paint", "a", "--style", "b", "-o", "c", "--keep-colors", "--seed", "1"])
    assert args.keep_colors == 1.0


def test_a_painting_starts_from_the_file_of_an_artwork() -> None:
    Image.new("RGB", (20, 15), "#ff0000").save("before.png")
    arguments = ["paint", "photo.jpg", "--style", "strokes", "--start", "before.png", "-o", "out.png"]
    assert main([*arguments, "--size", "64", "--iterations", "1"]) == 0
    red, green, blue = pixels("out.png").mean((0, 1))
    assert red > green + 60
    assert red > blue + 60


def folder_of_photos() -> None:
    Path("in").mkdir()
    for number, suffix in enumerate(["jpg", "png", "webp"]):
        draw_photo(120 + number, 90).save(f"in/{number}.{suffix}")
    Path("in/torn.jpg").write_bytes(Path("in/0.jpg").read_bytes()[:300])
    Path("in/notes.txt").write_text("no picture")


def test_a_folder_is_painted_past_what_cannot_be_read(capsys: pytest.CaptureFixture[str]) -> None:
    folder_of_photos()
    told = refused(capsys, "paint", "in", "--style", "strokes", "-o", "out/deep", *QUICK)
    assert told.startswith("1 of 4")
    assert "torn.jpg" in told
    assert sorted(path.name for path in Path("out/deep").iterdir()) == ["0.jpg", "1.png", "2.webp"]
    with Image.open("out/deep/2.webp") as image:
        assert image.format == "WEBP"


def test_what_is_painted_is_skipped_unless_it_is_to_be_painted_again(capsys: pytest.CaptureFixture[str]) -> None:
    folder_of_photos()
    Path("in/torn.jpg").unlink()
    arguments = ["paint", "in", "--style", "strokes", "-o", "out", *QUICK]
    assert main(arguments) == 0
    Path("out/1.png").unlink()
    written = Path("out/0.jpg").stat().st_mtime_ns
    assert main(arguments) == 0
    assert Path("out/1.png").exists()
    assert Path("out/0.jpg").stat().st_mtime_ns == written
    capsys.readouterr()
    assert main(arguments) == 0
    assert "--again" in capsys.readouterr().out
    assert main([*arguments, "--again"]) == 0
    assert Path("out/0.jpg").stat().st_mtime_ns > written


def test_an_artwork_gets_other_colors_without_being_painted() -> None:
    assert main(["paint", "photo.jpg", "--style", "strokes", "-o", "art.png", *QUICK]) == 0
    mask = Image.new("L", (64, 48))
    ImageDraw.Draw(mask).rectangle((0, 0, 31, 47), "white")
    mask.save("mask.png")
    options = ["--method", "histogram", "--share", "0.5", "--mask", "mask.png", "--feather", "0"]
    assert main(["recolor", "art.png", "photo.jpg", *options, "-o", "new.png"]) == 0
    before, after = (recipe_in(loaded(Path(name))) for name in ("art.png", "new.png"))
    assert before
    assert after
    assert after.options == before.options | {"keep_colors": 0.5, "color_method": "histogram", "color_when": "after"}
    assert after.color_mask
    difference = np.abs(pixels("new.png") - pixels("art.png")).mean(2)
    assert difference[:, :28].mean() > 3 * difference[:, 36:].mean()


def fading(width: int, height: int) -> Image.Image:
    """A photo that is not seen on the left and wholly seen on the right."""
    image = draw_photo(width, height).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").rotate(90).resize((width, height)))
    return image


@pytest.mark.parametrize("suffix", ["png", "webp", "tif"])
def test_transparency_is_kept_where_it_is_asked_for(suffix: str) -> None:
    fading(201, 151).save("clear.png")
    arguments = ["paint", "clear.png", "--style", "strokes", *QUICK]
    assert main([*arguments, "-o", f"plain.{suffix}"]) == 0
    assert main([*arguments, "--keep-transparency", "-o", f"clear-art.{suffix}"]) == 0
    plain, clear = (loaded(Path(f"{name}.{suffix}")) for name in ("plain", "clear-art"))
    assert (plain.mode, clear.mode) == ("RGB", "RGBA")
    alpha = np.asarray(clear.getchannel("A"), dtype=float)
    expected = fading(201, 151).getchannel("A").resize(clear.size, Image.Resampling.BOX)
    assert np.abs(alpha - np.asarray(expected)).max() <= 4
    assert np.abs(np.asarray(clear)[..., :3] - pixels(f"plain.{suffix}")).max() <= (16 if suffix == "webp" else 0)
    recipe = recipe_in(clear)
    assert recipe
    assert recipe.keep_transparency


def test_what_is_not_transparent_is_painted_as_ever(desk: Path) -> None:
    (desk / "in").mkdir()
    fading(200, 150).save("in/clear.png")
    draw_photo(200, 150).save("in/opaque.png")
    assert main(["paint", "in", "--style", "strokes", "--keep-transparency", "-o", "out", *QUICK]) == 0
    assert [loaded(Path(f"out/{name}.png")).mode for name in ("clear", "opaque")] == ["RGBA", "RGB"]
    assert main(["paint", "in/clear.png", "--style", "strokes", "--keep-transparency", "-o", "out.jpg", *QUICK]) == 0
    assert loaded(Path("out.jpg")).mode == "RGB"


def test_an_artwork_in_other_colors_is_transparent_where_it_was() -> None:
    fading(200, 150).save("clear.png")
    asked = ["--style", "strokes", "--keep-transparency", *QUICK]
    assert main(["paint", "clear.png", *asked, "-o", "art.png"]) == 0
    assert main(["recolor", "art.png", "clear.png", "-o", "new.png"]) == 0
    assert main(["paint", "clear.png", *asked, "--keep-colors", "-o", "expected.png"]) == 0
    new, expected = (np.asarray(loaded(Path(name)), dtype=float) for name in ("new.png", "expected.png"))
    # The strokes were rounded to 8 bits between painting and recolouring.
    assert np.abs(new - expected).max() <= 2


def test_a_print_says_how_large_it_is_and_gets_other_colors_too() -> None:
    assert main(["paint", "photo.jpg", "--style", "strokes", "-o", "art.tif", "--dpi", "240", *QUICK]) == 0
    assert main(["recolor", "art.tif", "photo.jpg", "-o", "new.jpg", "--dpi", "600"]) == 0
    before, after = (loaded(Path(name)) for name in ("art.tif", "new.jpg"))
    assert [round(float(image.info["dpi"][0])) for image in (before, after)] == [240, 600]
    told = recipe_in(after)
    assert told
    assert told.options["keep_colors"] == 1.0


@pytest.mark.parametrize("dpi", ["71", "1201", "many", "²"])
def test_a_size_in_print_that_nobody_prints_is_refused(capsys: pytest.CaptureFixture[str], dpi: str) -> None:
    with pytest.raises(SystemExit):
        main(["paint", "photo.jpg", "--style", "strokes", "-o", "art.tif", "--dpi", dpi])
    assert "from 72 to 1200" in capsys.readouterr().err


def test_an_artwork_of_another_program_gets_other_colors_too() -> None:
    draw_painting(64, 48).save("art.png")
    assert main(["recolor", "art.png", "photo.jpg", "-o", "new.png"]) == 0
    assert recipe_in(loaded(Path("new.png"))) is None


def test_presets_and_styles_are_listed_with_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(engine.PRESETS)
    assert all(len(line.split()) > 3 for line in lines)
    assert main(["styles"]) == 0
    assert any(line.startswith("strokes ") for line in capsys.readouterr().out.splitlines())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["photo.jpg", "--style", "nobody", "-o", "o.png"], "nobody"),
        (["photo.jpg", "--style", "strokes=much", "-o", "o.png"], "strokes=much"),
        (["photo.jpg", "--style", "strokes", "-o", "o.gif"], "o.gif"),
        (["nothing.jpg", "--style", "strokes", "-o", "o.png"], "nothing.jpg"),
        (["photo.jpg", "--style", "strokes", "-o", "o.png", "--mask", "other=photo.jpg"], "--mask"),
        (["photo.jpg", "--style", "strokes", "-o", "o.png", "--mask", "strokes=none.png"], "none.png"),
        (["photo.jpg", "--style", "strokes", "-o", "o.png", "--size", "9000"], "size"),
        (["photo.jpg", "--style", "strokes", "-o", "o.png", "--start", "artwork"], "--start"),
        (["photo.jpg", "--style", "strokes", "-o", "o.png", "--content-layer", "relu9_9"], "content_layers"),
        (["photo.jpg", "--style", "strokes", "-o", "o.png", "--content-layer", "relu4_2=x"], "relu4_2=x"),
        (["photo.jpg", "--style", "strokes", "-o", "o.png", "--color-when", "before"], "color_when"),
        (["photo.jpg", "--style", "strokes", "-o", "o.png", "--extractor", "vgg16"], "atelier fetch vgg16"),
        (["styles", "--style", "strokes", "-o", "photo.jpg"], "photo.jpg"),
        (["empty", "--style", "strokes", "-o", "out"], "empty"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    assert named in refused(capsys, "paint", *arguments)
    assert not Path("o.png").exists()


class Misfit(PictureInMemory):
    """A picture that is wider than it says."""

    width = 8


def test_a_picture_that_cannot_be_written_leaves_nothing(desk: Path) -> None:
    with pytest.raises(ValueError, match="no strip"):
        write(Misfit(np.zeros((8, 9, 3), np.uint8)), desk / "new.jpg", None)
    assert not [path for path in desk.iterdir() if path.name.startswith((".", "new"))]
