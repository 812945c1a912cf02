"""The shell loses nothing: no original, no artwork, and it leaves nothing lying about."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from app.jobs.files.strips import Depth, PictureInMemory, Rows
from tests.bench import ROOT
from tests.faults.disks import fill, small_disk
from tests.waiting import until
from tests.worker.engine.conftest import draw_painting, draw_photo
from worker.shell.commands import main
from worker.shell.files import is_artwork
from worker.shell.interrupts import Interrupts
from worker.shell.outputs import keep
from worker.shell.parser import build

QUICK = ("--size", "64", "--iterations", "3")
STYLE = ("--style", "strokes")
PATIENCE_S = 300.0


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, with photos and the owner's styles; the user's own folders are beside it."""
    home, desk = tmp_path / "home", tmp_path / "desk"
    for folder in (home, desk / "styles", desk / "in"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(desk)
    for name in [name for name in os.environ if name.startswith(("ATELIER_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("ATELIER_STYLES", str(desk / "styles"))
    monkeypatch.setenv("ATELIER_DEVICE", "cpu")
    draw_painting(160, 130).save("styles/strokes.png")
    draw_painting(140, 140, seed=8).save("mine.png")
    draw_photo(200, 150).save("photo.png")
    draw_photo(120, 90).save("in/a.jpg")
    draw_photo(90, 120).save("in/b.png")
    return desk


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The real command."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | settings
    command = [sys.executable, "-m", "worker.shell.commands", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, errors="replace")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(list(arguments)) == 1
    bar, _, told = capsys.readouterr().err.rpartition("atelier: ")
    assert "%|" not in bar, "refused only after painting began"
    return told


ORIGINALS: list[tuple[str, Sequence[str]]] = [
    ("itself", ("paint", "photo.png", *STYLE, "-o", "photo.png")),
    ("by another way", ("paint", "photo.png", *STYLE, "-o", "in/../photo.png")),
    ("a style's file", ("paint", "photo.png", "--style", "mine.png", "-o", "mine.png")),
    ("the owner's style", ("paint", "photo.png", *STYLE, "-o", "styles/strokes.png")),
    ("a mask", ("paint", "photo.png", *STYLE, "--mask", "strokes=mine.png", "-o", "mine.png")),
    ("what is kept", ("paint", "photo.png", *STYLE, "--keep", "mine.png", "-o", "mine.png")),
    ("a mask of colours", ("paint", "photo.png", *STYLE, "--color-mask", "mine.png", "-o", "mine.png")),
    ("the start", ("paint", "photo.png", *STYLE, "--start", "mine.png", "-o", "mine.png")),
    ("the artwork", ("recolor", "mine.png", "photo.png", "-o", "mine.png")),
    ("the artwork's photo", ("recolor", "mine.png", "photo.png", "-o", "photo.png")),
    ("a mask of recolor", ("recolor", "photo.png", "photo.png", "--mask", "mine.png", "-o", "mine.png")),
    ("another photo", ("paint", "photo.png", *STYLE, "-o", "in/b.png")),
    ("the folder itself", ("paint", "in", *STYLE, "-o", "in", "--again")),
    ("the folder by another way", ("paint", "in", *STYLE, "-o", "styles/../in", "--again")),
    ("a folder with the same names", ("paint", "in", *STYLE, "-o", "copies", "--again")),
    ("a folder's file", ("paint", "in", *STYLE, "-o", "photo.png")),
]


@pytest.mark.parametrize("arguments", [each for _, each in ORIGINALS], ids=[name for name, _ in ORIGINALS])
def test_no_original_is_overwritten(capsys: pytest.CaptureFixture[str], desk: Path, arguments: tuple[str, ...]) -> None:
    Path("copies").mkdir()
    Path("copies/b.png").write_bytes(Path("in/b.png").read_bytes())
    before = contents(desk)
    extra = QUICK if arguments[0] == "paint" else ()
    assert arguments[arguments.index("-o") + 1].split("/")[-1] in refused(capsys, *arguments, *extra)
    assert contents(desk) == before


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_no_original_is_overwritten_by_another_of_its_names(
    capsys: pytest.CaptureFixture[str], desk: Path, link: Callable[[str, str], None]
) -> None:
    link("photo.png", "link.png")
    before = contents(desk)
    assert "photo.png" in refused(capsys, "paint", "photo.png", *STYLE, "-o", "link.png", *QUICK)
    assert contents(desk) == before
    Path("out").mkdir()
    link(str(desk / "in" / "a.jpg"), "out/a.jpg")
    assert "in/a.jpg" in refused(capsys, "paint", "in", *STYLE, "-o", "out", "--again", *QUICK)
    assert Path("out/a.jpg").samefile("in/a.jpg")


def test_an_artwork_that_is_read_is_not_overwritten_either(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paint", "photo.png", *STYLE, "-o", "art.png", *QUICK]) == 0
    before = Path("art.png").read_bytes()
    for arguments in (
        ["paint", "photo.png", *STYLE, "--start", "art.png", "-o", "art.png", *QUICK],
        ["paint", "art.png", *STYLE, "-o", "./art.png", *QUICK],
        ["recolor", "art.png", "photo.png", "-o", "art.png"],
    ):
        refused(capsys, *arguments)
    assert Path("art.png").read_bytes() == before


def test_an_older_artwork_is_replaced_and_so_is_an_empty_file() -> None:
    assert main(["paint", "photo.png", *STYLE, "-o", "art.jpg", *QUICK]) == 0
    before = Path("art.jpg").read_bytes()
    assert main(["paint", "photo.png", *STYLE, "-o", "art.jpg", "--seed", "5", *QUICK]) == 0
    assert Path("art.jpg").read_bytes() != before
    Path("empty.webp").touch()
    assert main(["paint", "photo.png", *STYLE, "-o", "empty.webp", *QUICK]) == 0
    assert is_artwork(Path("empty.webp"))


def test_a_file_with_a_strange_comment_is_no_artwork(capsys: pytest.CaptureFixture[str]) -> None:
    tags = Image.Exif()
    tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = "text where bytes should be"
    draw_photo(60, 40).save("other.jpg", exif=tags)
    assert not is_artwork(Path("other.jpg"))
    assert "other.jpg" in refused(capsys, "paint", "photo.png", *STYLE, "-o", "other.jpg", *QUICK)
    assert main(["recolor", "other.jpg", "photo.png", "-o", "new.png"]) == 0


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_an_artwork_is_known_in_every_format_without_its_pixels(suffix: str) -> None:
    assert main(["paint", "photo.png", *STYLE, "-o", f"art.{suffix}", "--size", "256", "--iterations", "1"]) == 0
    whole = Path(f"art.{suffix}").read_bytes()
    assert is_artwork(Path(f"art.{suffix}"))
    if suffix != "tif":  # whose directory lies at its end
        Path(f"torn.{suffix}").write_bytes(whole[: len(whole) // 2])
        assert is_artwork(Path(f"torn.{suffix}")) is (suffix != "webp")  # whose EXIF does


def test_artworks_among_photos_are_refused_wherever_they_would_lie(capsys: pytest.CaptureFixture[str]) -> None:
    deep = Path("in/in")
    deep.mkdir()
    draw_photo(64, 48).save(deep / "c.jpg")
    assert "among the photos" in refused(capsys, "paint", "in", "--recursive", *STYLE, "-o", ".", *QUICK)
    assert not Path("a.jpg").exists()


def test_an_output_below_the_photos_is_not_painted_itself() -> None:
    for _ in range(2):
        assert main(["paint", "in", "--recursive", *STYLE, "-o", "in/painted", *QUICK]) == 0
    assert sorted(contents(Path("in"))) == ["a.jpg", "b.png", "painted/a.jpg", "painted/b.png"]


def test_a_folder_says_what_it_leaves_out_and_why(capsys: pytest.CaptureFixture[str], desk: Path) -> None:
    for name in ("c.jxl", "d.xcf", "e.xcf", "notes", "._a.jpg", ".hidden.png", "A.JPG"):
        Path("in", name).write_bytes(Path("in/a.jpg").read_bytes())
    Path("in/broken.png").symlink_to("nowhere.png")
    Path("in/.thumbnails").mkdir()
    Path("in/older").mkdir()
    draw_photo(80, 60).save("in/older/z.jpg")
    draw_photo(80, 60).save("in/odd.jfif", "JPEG")
    assert main(["paint", "in", *STYLE, "-o", "out", *QUICK]) == 0
    told = capsys.readouterr().err
    for named in ("2 × .xcf", "1 × .jxl", "no ending", "in/broken.png", "in/older", "--recursive", "in/a.jpg (its"):
        assert named in told, named
    assert "._a" not in told
    assert "hidden" not in told
    assert "thumbnails" not in told
    assert sorted(contents(desk / "out")) == ["A.JPG", "b.png", "odd.jfif"]
    Path("in/A.JPG").unlink()
    assert main(["paint", "in", "--recursive", *STYLE, "-o", "out2", *QUICK]) == 0
    assert sorted(contents(desk / "out2")) == ["a.jpg", "b.png", "odd.jfif", "older/z.jpg"]


def test_linked_folders_are_not_walked_round_and_round(capsys: pytest.CaptureFixture[str], desk: Path) -> None:
    Path("in/round").symlink_to(desk / "in")
    assert main(["paint", "in", "--recursive", *STYLE, "-o", "out", *QUICK]) == 0
    assert "in/round" in capsys.readouterr().err
    assert sorted(contents(desk / "out")) == ["a.jpg", "b.png"]


def test_a_folder_without_pictures_says_what_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    Path("raw").mkdir()
    Path("raw/1.cr2").write_bytes(b"raw")
    told = refused(capsys, "paint", "raw", *STYLE, "-o", "out", *QUICK)
    assert "no pictures in raw" in told
    assert "1 × .cr2" in told


def test_missing_folders_are_made_with_the_artwork(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paint", "photo.png", *STYLE, "-o", "new/deep/art.png", *QUICK]) == 0
    assert Path("new/deep/art.png").exists()
    assert "nobody" in refused(capsys, "paint", "photo.png", "--style", "nobody", "-o", "other/art.png")
    assert not Path("other").exists()


@pytest.mark.parametrize(("out", "named"), [("in", "in/"), ("photo.png/art.png", "photo.png"), ("new", ".jpg, .png")])
def test_what_is_no_place_for_an_artwork_is_refused_before_painting(
    capsys: pytest.CaptureFixture[str], out: str, named: str
) -> None:
    assert named in refused(capsys, "paint", "photo.png", *STYLE, "-o", out, *QUICK)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A folder that nothing can be written to; skips the test where that cannot be had."""
    folder.chmod(0o555)
    is_mounted = False
    if os.access(folder, os.W_OK):  # root may do anything but write to what is mounted read-only
        subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
        again = ["mount", "-o", "remount,ro,bind", str(folder)]
        is_mounted = subprocess.run(again, capture_output=True, check=False).returncode == 0
        if not is_mounted:
            pytest.skip("no folder can be made read-only here")
    try:
        yield
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)
        folder.chmod(0o755)


def test_finished_artworks_need_no_place_to_be_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["paint", "in", *STYLE, "-o", "out", *QUICK]
    assert main(arguments) == 0
    with read_only(Path("out")):
        assert main(arguments) == 0
        assert "out" in refused(capsys, *arguments, "--again")


def test_a_read_only_folder_is_a_place_to_paint_from(desk: Path, tmp_path: Path) -> None:
    with read_only(desk):
        before = contents(desk)
        done = run("paint", "photo.png", *STYLE, "-o", str(tmp_path / "art.png"), *QUICK)
        assert (done.returncode, done.stderr.count("atelier:")) == (0, 0), done.stderr
        refusal = run("paint", "photo.png", *STYLE, "-o", "art.png", *QUICK)
    assert is_artwork(tmp_path / "art.png")
    assert contents(desk) == before
    assert "Nothing can be written" in refusal.stderr
    assert "%|" not in refusal.stderr


def test_nothing_but_the_artwork_is_left_in_the_folder_one_stands_in(desk: Path, tmp_path: Path) -> None:
    before = set(contents(desk))
    for command in (
        ["paint", "photo.png", *STYLE, "-o", "art.png", *QUICK],
        ["recolor", "art.png", "photo.png", "-o", "new.png"],
        ["styles"],
        ["presets"],
    ):
        assert main(command) == 0
    assert set(contents(desk)) - before == {"art.png", "new.png"}
    assert any("fingerprints" in name for name in contents(tmp_path / "home"))


def test_the_data_folder_that_was_set_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATELIER_DATA", str(tmp_path / "data"))
    assert main(["paint", "photo.png", *STYLE, "-o", "art.png", *QUICK]) == 0
    assert any("fingerprints" in name for name in contents(tmp_path / "data"))
    assert not contents(tmp_path / "home")


def test_a_home_that_cannot_be_written_is_no_reason_not_to_paint(tmp_path: Path) -> None:
    with read_only(tmp_path / "home"):
        done = run("paint", "photo.png", *STYLE, "-o", "art.png", *QUICK, TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert is_artwork(Path("art.png"))
    assert not list(tmp_path.glob("atelier-*"))


def rescued(told: str, home: Path) -> Path:
    """The artwork that the sentence names, which lies in the user's own folders."""
    path = Path(told.rpartition("The artwork is in ")[2].strip().removesuffix("."))
    assert path.is_relative_to(home), told
    assert is_artwork(path)
    return path


def test_an_artwork_that_a_full_disk_does_not_take_is_put_where_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as disk:
        fill(disk / "filler")
        with (disk / "filler").open("r+b") as filler:
            filler.truncate(filler.seek(0, os.SEEK_END) - 2**16)
        out = disk / "art.png"
        done = run("paint", "photo.png", *STYLE, "-o", str(out), "--size", "1024", "--iterations", "1")
        assert done.returncode == 1
        assert [path.name for path in disk.iterdir()] == ["filler"]
    assert "art.png could not be written (No space left on device)" in done.stderr
    with Image.open(rescued(done.stderr, tmp_path / "home")) as image:
        assert image.size == (1024, 768)


def test_a_full_disk_is_told_before_painting(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small") as disk:
        fill(disk / "filler")
        done = run("paint", "photo.png", *STYLE, "-o", str(disk / "art.png"), *QUICK)
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "%|" not in done.stderr


@contextmanager
def painting(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The real command, once its first stroke is shown; killed at the end, if it still runs."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "worker.shell.commands", "paint", *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr
        shown = ""
        while "px" not in shown and "/" not in shown:
            read = process.stderr.read(1)
            assert read, shown
            shown += read
        try:
            yield process
        finally:
            process.kill()


SLOW = ("--size", "512", "--iterations", "400")


def test_what_has_come_to_lie_there_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with painting("photo.png", *STYLE, "-o", "art.png", *SLOW) as process:
        Path("art.png").write_text("notes that took an afternoon")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE_S)
    assert Path("art.png").read_text() == "notes that took an afternoon"
    rescued(told, tmp_path / "home")


def test_a_folder_that_is_removed_while_painting_is_made_anew() -> None:
    Path("out").mkdir()
    with painting("photo.png", *STYLE, "-o", "out/art.png", *SLOW) as process:
        Path("out").rmdir()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
    assert is_artwork(Path("out/art.png"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_painting_that_is_stopped_is_kept_as_far_as_it_was_painted(number: signal.Signals) -> None:
    with painting("photo.png", *STYLE, "-o", "art.png", *SLOW) as process:
        for _ in range(3):
            process.send_signal(number)
        told, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "as far as it was painted" in told
    assert is_artwork(Path("art.png"))


class PictureOfTheLastMoment(PictureInMemory):
    """Somebody loses patience while it is drawn into its file."""

    def strips(self, dtype: Depth) -> Iterator[Rows]:
        for strip in super().strips(dtype):
            os.kill(os.getpid(), signal.SIGINT)
            yield strip


def test_an_interrupt_in_the_last_moment_waits_until_the_artwork_is_kept(desk: Path) -> None:
    picture = PictureOfTheLastMoment(np.asarray(draw_photo(200, 150)))

    def kept() -> None:
        with Interrupts() as interrupts:
            interrupts.hold()
            keep(picture, desk / "art.png", None, dpi=300, safe=desk)

    with pytest.raises(KeyboardInterrupt):
        kept()
    with Image.open("art.png") as image:
        assert np.array_equal(np.asarray(image), picture.pixels)
    assert not list(desk.glob(".partial-*"))


def test_a_folder_that_is_stopped_goes_on_where_it_was() -> None:
    with painting("in", *STYLE, "-o", "out", "--size", "256", "--iterations", "60") as process:
        until(Path("out/a.jpg").exists, "the first artwork", PATIENCE_S)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "1 of 2 painted" in told
    assert sorted(contents(Path("out"))) == ["a.jpg"]
    before = Path("out/a.jpg").stat().st_mtime_ns
    assert main(["paint", "in", *STYLE, "-o", "out", *QUICK]) == 0
    assert sorted(contents(Path("out"))) == ["a.jpg", "b.png"]
    assert Path("out/a.jpg").stat().st_mtime_ns == before


def test_a_terminal_that_is_gone_does_not_take_the_painting_with_it() -> None:
    with painting("photo.png", *STYLE, "-o", "art.png", "--size", "128", "--iterations", "60") as process:
        assert process.stderr
        process.stderr.close()
        process.wait(PATIENCE_S)
    assert is_artwork(Path("art.png"))


SEVERAL = """
import sys
from worker.shell.commands import main

*_, photo, folder = sys.argv
quick = ["--size", "64", "--iterations", "3"]
print([
    main(["paint", photo, "--style", "strokes", "-o", f"{folder}/{photo}", *quick]),
    main(["recolor", f"{folder}/{photo}", photo, "-o", f"{folder}/new.png"]),
    main(["paint", photo, "--style", "strokes", "-o", photo, *quick]),
    main(["styles"]),
    main(["presets"]),
])
main(["paint", "--help"])
"""


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
    ids=["C", "ascii", "latin-1"],
)
def test_no_letter_that_a_terminal_lacks_ends_a_command(locale: dict[str, str]) -> None:
    photo, folder = "bü–×.png", "ü–×"
    Path("photo.png").rename(photo)
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | locale
    done = subprocess.run([sys.executable, "-c", SEVERAL, photo, folder], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"[0, 0, 1, 0, 0]" in done.stdout
    assert is_artwork(Path(folder, photo))
    assert is_artwork(Path(folder, "new.png"))


def test_a_file_whose_name_is_in_no_encoding_is_painted() -> None:
    name = os.fsdecode(b"caf\xe9.png")
    Path("photo.png").rename(name)
    done = run("paint", name, *STYLE, "-o", f"art-{name}", *QUICK)
    assert done.returncode == 0, done.stderr
    assert is_artwork(Path(f"art-{name}"))


def test_a_reader_who_has_seen_enough_is_no_error() -> None:
    command = f"{sys.executable} -m worker.shell.commands styles | head -n 1"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 1
    assert not done.stderr


@pytest.mark.parametrize("weight", ["nan", "inf", "-inf", "0", "-1", "1e300"])
def test_a_weight_that_weighs_nothing_or_everything_is_refused(capsys: pytest.CaptureFixture[str], weight: str) -> None:
    arguments = ["paint", "photo.png", "--style", "mine.png", "-o", "art.png", *QUICK]
    assert f"strokes={float(weight):g}" in refused(capsys, *arguments, "--style", f"strokes={weight}")
    if weight in ("nan", "inf"):
        assert "content_layers" in refused(capsys, *arguments, "--content-layer", f"relu4_2={weight}")


@pytest.mark.parametrize(
    "twice", [("strokes", "strokes=2"), ("mine.png", "./mine.png"), ("strokes", "styles/strokes.png")]
)
def test_a_style_that_is_named_twice_is_a_sentence(capsys: pytest.CaptureFixture[str], twice: Sequence[str]) -> None:
    told = refused(capsys, "paint", "photo.png", "--style", twice[0], "--style", twice[1], "-o", "art.png", *QUICK)
    assert "twice" in told


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("stary_night", "starry_night"),
        ("Starry Night", "starry_night"),
        ("great-wave", "great_wave"),
        ("hokusai", "great_wave"),
        ("xyzzy", "atelier styles"),
        ("in", "folder"),
    ],
)
def test_a_style_that_is_none_is_answered_with_what_may_have_been_meant(
    capsys: pytest.CaptureFixture[str], typed: str, meant: str
) -> None:
    assert meant in refused(capsys, "paint", "photo.png", "--style", typed, "-o", "art.png")


def test_an_artists_name_is_answered_with_all_their_paintings(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("dawn", "dusk"):
        draw_painting().save(f"styles/{name}.png")
        Path(f"styles/{name}.toml").write_text('artist = "Zoë Müller"')
    assert "Did you mean dawn or dusk?" in refused(capsys, "paint", "photo.png", "--style", "Müller", "-o", "art.png")


def test_a_style_may_be_a_file_with_an_equals_sign_in_its_name() -> None:
    Path("mine.png").rename("a=b.png")
    assert main(["paint", "photo.png", "--style", "a=b.png", "--style", "strokes=2", "-o", "art.png", *QUICK]) == 0


def test_what_is_painted_on_is_told_in_one_line_to_those_who_ask(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATELIER_DEVICE", "auto")
    arguments = ["paint", "photo.png", *STYLE, "-o", "art.png", *QUICK]
    assert main(arguments) == 0
    quiet = capfd.readouterr().err
    assert main([*arguments, "-v"]) == 0
    told = capfd.readouterr().err
    assert "painting on" not in quiet
    assert [line.split(" on ")[0] for line in told.splitlines() if line and "%|" not in line] == [
        "ATELIER_DEVICE=auto: painting"
    ]


def test_help_is_as_wide_as_a_terminal_and_has_examples_that_can_be_typed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for command in ([], ["paint"], ["recolor"], ["styles"], ["presets"], ["fetch"]):
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        told = capsys.readouterr().out
        assert max(map(len, told.splitlines())) <= 80
        for example in re.findall(r"^ +atelier (.+)", told.replace("\\\n", ""), re.MULTILINE):
            build().parse_args(shlex.split(example))
