"""`atelier train-fast` and `atelier paint --network`, as somebody types them."""

from __future__ import annotations

import errno
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load

from tests.worker.engine.conftest import draw_painting, draw_photo
from tests.worker.shell.conftest import refused
from worker.engine.images import to_tensor
from worker.engine.networks.transform_net import About, TransformNet, about_network, load_transform_net
from worker.shell import fast_training
from worker.shell.commands import main
from worker.shell.files import UsageError, loaded, recipe_in
from worker.shell.painting import MODELS

TINY = (
    "--arch",
    "c5s1-4,d6,R6,u4,c5s1-3",
    "--batch",
    "2",
    "--crop",
    "64",
    "--style-size",
    "128",
    "--extractor",
    "compact",
)
TRAIN = ("train-fast", "mine.jpg", "--photos", "photos", *TINY)


@pytest.fixture(autouse=True)
def desk(desk: Path) -> Path:
    """With photos and a painting."""
    (desk / "photos" / "deep").mkdir(parents=True)
    draw_painting(140, 140, seed=8).save(desk / "mine.jpg")
    draw_photo(200, 150).save(desk / "photo.jpg", quality=95)
    draw_photo(90, 60).save(desk / "photos" / "1.png")
    draw_photo(40, 130).save(desk / "photos" / "deep" / "2.jpg")
    draw_painting(120, 100).save(desk / "photos" / "3.png")
    return desk


def trained(name: str = "net", *more: str, steps: int = 2) -> Path:
    assert main([*TRAIN, "-o", f"{name}.safetensors", "--steps", str(steps), *more]) == 0
    return Path(f"{name}.safetensors")


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load(path.read_bytes())


@pytest.mark.parametrize("more", [(), ("--noise", "50"), ("--loss", "johnson")])
def test_what_was_stopped_goes_on_with_the_same_curve(more: tuple[str, ...]) -> None:
    whole = weights(trained("whole", *more, "--every", "2", steps=4))
    trained("parts", *more, "--every", "2", steps=2)
    parts = weights(trained("parts", *more, "--every", "2", steps=4))
    assert all(torch.equal(values, parts[name]) for name, values in whole.items())
    logs = [Path(f"{name}.log.jsonl").read_text().splitlines() for name in ("whole", "parts")]
    told = [[(entry["step"], entry["loss"]) for entry in map(json.loads, log)] for log in logs]
    assert told[0] == told[1]
    assert [step for step, _ in told[0]] == [2, 4]
    other = weights(trained("other", *more, "--seed", "1", steps=4))
    assert not all(torch.equal(values, other[name]) for name, values in whole.items())


def test_ctrl_c_keeps_the_network_and_the_same_command_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = weights(trained("whole", steps=3))
    step = fast_training.Training.step

    def interrupted(training: fast_training.Training) -> float:
        if training.steps == 2:
            raise KeyboardInterrupt
        return step(training)

    with monkeypatch.context() as patched:
        patched.setattr(fast_training.Training, "step", interrupted)
        assert main([*TRAIN, "-o", "net.safetensors", "--steps", "3"]) == 130
    assert "2 steps; the same command goes on" in capsys.readouterr().out
    assert about_network(Path("net.safetensors")).steps == 2
    parts = weights(trained("net", steps=3))
    assert all(torch.equal(values, parts[name]) for name, values in whole.items())


@pytest.mark.parametrize("loss", ["studio", "johnson"])
def test_the_loss_falls_and_the_network_paints(loss: str) -> None:
    network = trained("net", "--loss", loss, "--every", "10", "--learning-rate", "0.004", steps=30)
    losses = [json.loads(line)["loss"] for line in Path("net.log.jsonl").read_text().splitlines()]
    assert len(losses) == 3
    assert losses[2] < 0.9 * losses[0]
    with Image.open("net.samples.png") as sheet:
        assert sheet.height > 256
    about = about_network(network)
    assert (about.title, about.loss, about.steps, about.style_size) == ("Own painting", loss, 30, 128)
    assert about.extractor == "compact"
    assert main(["paint", "photo.jpg", "--network", str(network), "-o", "out.png", "--size", "128"]) == 0
    image = loaded(Path("out.png"))
    assert image.size == (128, 96)
    assert np.asarray(image, dtype=float).std() > 5
    recipe = recipe_in(image)
    assert recipe
    assert recipe.network
    assert recipe.network.weights == load_transform_net(network).weights_hash
    assert recipe.styles[0].title == "Own painting"
    assert recipe.options["size"] == 128
    assert "mine" not in recipe.text()


def test_what_is_trained_with_noise_is_disturbed_less_by_it() -> None:
    photo = to_tensor(draw_photo(160, 120))
    noise = 0.04 * torch.randn(photo.shape, generator=torch.Generator().manual_seed(9))
    found = []
    for name, more in (("plain", ()), ("steady", ("--noise", "3000"))):
        network = load_transform_net(trained(name, "--learning-rate", "0.004", *more, steps=30))
        with torch.no_grad():
            drawn, disturbed = network(photo), network(photo + noise)
        found.append((drawn - disturbed).square().mean().item() / drawn.var().item())
    assert found[1] < 0.7 * found[0]


def test_a_disk_that_takes_no_more_is_said_in_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "net.safetensors could not be written: No space left" in refused(
        capsys, *TRAIN, "-o", "net.safetensors", "--steps", "1"
    )
    assert not [path for path in Path().iterdir() if "net" in path.name]


def test_a_built_in_painting_is_learnt_from_its_codebook_and_named() -> None:
    arguments = ["train-fast", "starry_night", "--photos", "photos", *TINY, "-o", "net.safetensors", "--steps", "1"]
    assert main(arguments) == 0
    about = about_network(Path("net.safetensors"))
    assert (about.title, about.artist) == ("The Starry Night", "Vincent van Gogh")
    assert "wikimedia" in about.source


def test_photos_that_cannot_be_read_are_named_and_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    Path("photos/torn.jpg").write_bytes(Path("photo.jpg").read_bytes()[:500])
    Path("photos/notes.txt").write_text("no picture")
    trained(steps=6)
    told = capsys.readouterr().err
    assert told.count("Left out: photos/torn.jpg") == 1
    assert "notes" not in told


def test_a_checkpoint_is_of_one_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    trained()
    before = Path("net.safetensors").read_bytes()
    told = refused(capsys, *TRAIN, "-o", "net.safetensors", "--steps", "3", "--loss", "johnson")
    assert "another loss (studio, now johnson)" in told
    Path("net.checkpoint.pt").write_bytes(b"torn")
    assert "--again" in refused(capsys, *TRAIN, "-o", "net.safetensors", "--steps", "3")
    assert Path("net.safetensors").read_bytes() == before
    trained("net", "--again", "--loss", "johnson", steps=1)
    assert about_network(Path("net.safetensors")).loss == "johnson"
    assert len(Path("net.log.jsonl").read_text().splitlines()) == 1
    trained("net", "--loss", "johnson", steps=1)
    assert "more --steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["mine.jpg", "-o", "net.safetensors", "--photos", "empty"], "no pictures in --photos empty"),
        (["mine.jpg", "-o", "net.safetensors", "--photos", "nowhere"], "--photos nowhere is no folder"),
        (["mine.jpg", "-o", "net.safetensors", "--photos", "torn"], "none can be read"),
        (["mine.jpg", "-o", "net.pt", "--photos", "photos"], "should end in .safetensors"),
        (["mine.jpg", "-o", "taken.safetensors", "--photos", "photos"], "taken.safetensors is there already"),
        (["nobody", "-o", "net.safetensors", "--photos", "photos"], "no style 'nobody'"),
        (["mine.jpg", "-o", "net.safetensors", "--photos", "photos", "--arch", "c9s1-8,x9"], "'x9'"),
        (["mine.jpg", "-o", "net.safetensors", "--photos", "photos", "--strength", "99"], "strength"),
        (["mine.jpg", "-o", "net.safetensors", "--photos", "photos", "--loss", "johnson", "--style-layer", "x"], "x"),
        (["mine.jpg", "-o", "net.safetensors", "--photos", "photos", "--style-layer", "relu1_1=a"], "relu1_1=a"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    Path("torn").mkdir()
    Path("torn/1.jpg").write_bytes(b"\xff\xd8\xff torn")
    Path("taken.safetensors").write_text("somebody's")
    assert named in refused(capsys, "train-fast", *arguments)
    assert not Path("net.safetensors").exists()
    assert Path("taken.safetensors").read_text() == "somebody's"


@pytest.mark.parametrize("every", ["1", "9"])
def test_weights_that_are_no_numbers_any_more_are_not_kept(capsys: pytest.CaptureFixture[str], every: str) -> None:
    told = refused(
        capsys, *TRAIN, "-o", "wild.safetensors", "--steps", "9", "--learning-rate", "1e30", "--every", every
    )
    assert "lower --learning-rate" in told
    assert not [path for path in Path().iterdir() if "wild" in path.name]


def test_folders_and_frames_are_painted_by_a_network_with_what_goes_for_any_picture(
    capsys: pytest.CaptureFixture[str],
) -> None:
    trained()
    Path("frames").mkdir()
    for number in range(3):
        draw_photo(120, 90).save(f"frames/{number:04}.png")
    arguments = ["paint", "frames", "--network", "net.safetensors", "-o", "out", "--size", "64", "--keep-colors"]
    assert main(arguments) == 0
    assert sorted(path.name for path in Path("out").iterdir()) == ["0000.png", "0001.png", "0002.png"]
    assert len({Path(f"out/{number:04}.png").read_bytes() for number in range(3)}) == 1
    Image.new("L", (10, 10), 255).save("keep.png")
    assert main([*arguments, "--again", "--keep", "keep.png"]) == 0
    photo = np.asarray(draw_photo(120, 90).resize((64, 48), Image.Resampling.LANCZOS), dtype=float)
    assert np.abs(np.asarray(loaded(Path("out/0000.png")), dtype=float) - photo).max() <= 1
    capsys.readouterr()
    assert main(arguments) == 0
    assert "--again" in capsys.readouterr().out


def test_what_a_network_painted_is_enlarged_by_another_one() -> None:
    trained()
    arguments = ["paint", "photo.jpg", "--network", "net.safetensors", "--size", "128", "--output-size", "256"]
    for resample in ("network", "lanczos"):
        assert main([*arguments, "--resample", resample, "-o", f"{resample}.png"]) == 0
    large, plain = (loaded(Path(f"{resample}.png")) for resample in ("network", "lanczos"))
    assert large.size == plain.size == (256, 192)
    assert large.tobytes() != plain.tobytes()
    recipes = [recipe_in(each) for each in (large, plain)]
    assert [bool(recipe and recipe.upscaler) for recipe in recipes] == [True, False]


def test_a_network_that_ships_has_a_short_name(monkeypatch: pytest.MonkeyPatch, desk: Path) -> None:
    (desk / "models").mkdir()
    for path in MODELS.glob("*.safetensors"):
        (desk / "models" / path.name).symlink_to(path)
    (desk / "models" / "fast").mkdir()
    shutil.move(trained(), desk / "models" / "fast" / "waves.safetensors")
    monkeypatch.setattr("worker.shell.painting.MODELS", desk / "models")
    assert main(["paint", "photo.jpg", "--network", "waves", "-o", "out.png", "--size", "64"]) == 0
    assert loaded(Path("out.png")).size == (64, 48)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--network", "net.safetensors", "--style", "mine.jpg"], "leave out --style, or --network"),
        ([], "--style STYLE, or --network NET"),
        (["--network", "none.safetensors"], "no network 'none.safetensors'"),
        (["--network", "photo.jpg"], "photo.jpg is no network"),
        (["--network", "half.safetensors"], "half.safetensors is no network, or is damaged"),
        (["--network", "net.safetensors", "--strength", "2", "--seed", "3"], "--strength, --seed says nothing"),
        (["--network", "net.safetensors", "--style-layer", "relu1_1"], "--style-layer says nothing"),
        (["--network", "net.safetensors", "--color-method", "linear", "--color-when", "before"], "--color-when"),
        (["--network", "net.safetensors", "--mask", "mine.jpg=photo.jpg"], "--mask"),
        (["--network", "net.safetensors", "--extractor", "vgg19"], "--extractor"),
        (["--network", "net.safetensors", "--size", "9"], "size"),
    ],
)
def test_what_a_network_cannot_paint_is_said_in_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], named: str
) -> None:
    network = TransformNet(About(arch="c5s1-4,c5s1-3"))
    network.save(Path("net.safetensors"), network.about)
    Path("half.safetensors").write_bytes(Path("net.safetensors").read_bytes()[:200])
    assert named in refused(capsys, "paint", "photo.jpg", *arguments, "-o", "out.png")
    assert not Path("out.png").exists()


def test_crops_are_of_the_asked_side_and_the_same_for_a_seed(desk: Path) -> None:
    photos = fast_training.Photos(desk / "photos")
    one, other = (photos.batch(random.Random(5), 6, 48) for _ in range(2))
    assert one.shape == (6, 3, 48, 48)
    assert torch.equal(one, other)
    assert len({each.numpy().tobytes() for each in one}) > 1
    with pytest.raises(UsageError):
        fast_training.Photos(desk / "photo.jpg")


def test_a_missing_folder_is_made() -> None:
    assert trained("new/deep/net", steps=1).is_file()
