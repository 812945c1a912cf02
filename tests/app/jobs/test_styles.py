from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.jobs.masks import distance
from app.jobs.styles import BUILT_IN, find_styles
from app.reading.labels import APART
from tests.worker.engine.conftest import draw_painting


def test_the_gallery_has_sixty_six_labelled_paintings_within_26_megabytes() -> None:
    styles = find_styles()
    assert len(styles) == 66
    for style in styles:
        assert style.title
        assert style.artist
        assert style.born is None or style.died is None or style.born < style.died
        assert style.died is None or style.died < 1956
        assert style.year
        assert style.movement
        assert style.description.endswith(".")
        assert style.commons == "" or style.commons.startswith("https://commons.wikimedia.org/wiki/File:")
        assert style.fingerprint("compact")
        assert style.fingerprint("vgg19") is None
        for name in ("swatch.webp", "example.webp"):
            assert (BUILT_IN / style.id / name).is_file()
    assert sum(path.stat().st_size for path in BUILT_IN.rglob("*") if path.is_file()) <= 26_000_000


def test_an_owners_paintings_are_found_with_and_without_a_label(tmp_path: Path) -> None:
    draw_painting().save(tmp_path / "Blaue Nächte.png")
    folder = tmp_path / "dusk"
    folder.mkdir()
    draw_painting().save(folder / "any.jpg")
    (folder / "style.toml").write_text('title = "Dusk"\nyear = 1931\nborn = 1900\n')
    found = {style.id: style for style in find_styles(tmp_path / "nothing", tmp_path)}
    assert sorted(found) == ["blaue_nachte", "dusk"]
    assert found["blaue_nachte"].title == "Blaue nächte"
    assert (found["dusk"].title, found["dusk"].year, found["dusk"].born) == ("Dusk", "1931", 1900)
    assert found["dusk"].image == folder / "any.jpg"
    assert found["dusk"].network is None


def test_a_network_goes_with_the_painting_of_its_folder(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "dusk", tmp_path / "without"):
        place.mkdir(exist_ok=True)
        draw_painting().save(place / "any.jpg")
        (place / "network.safetensors").write_bytes(b"of which only the worker knows more")
    (tmp_path / "without" / "network.safetensors").unlink()
    found = {style.id: style.network for style in find_styles(tmp_path / "nothing", tmp_path)}
    assert found == {"any": None, "dusk": tmp_path / "dusk" / "network.safetensors", "without": None}


@pytest.mark.parametrize(
    "label", ["title = ", "colour = 3", "born = 'long ago'", "id = '../x'", "commons = 'javascript:alert(1)'"]
)
def test_a_label_that_cannot_be_read_leaves_out_that_painting_only(tmp_path: Path, label: str) -> None:
    draw_painting().save(tmp_path / "good.png")
    draw_painting().save(tmp_path / "bad.png")
    (tmp_path / "bad.toml").write_text(label)
    assert [style.id for style in find_styles(tmp_path / "nothing", tmp_path)] == ["good"]


def test_a_label_links_to_a_web_page_or_nowhere(tmp_path: Path) -> None:
    links = ["", "http://museum.example/42", "https://commons.wikimedia.org/wiki/File:A_%27b%27.jpg"]
    strange = ["JavaScript:alert(1)", " https://a.example", "data:text/html,x", "//a.example", "File:A.jpg", "https://"]
    for number, link in enumerate([*links, *strange]):
        draw_painting().save(tmp_path / f"painting{number}.png")
        (tmp_path / f"painting{number}.toml").write_text(f'commons = "{link}"')
    assert [style.commons for style in find_styles(tmp_path / "nothing", tmp_path)] == links


def test_an_owners_painting_replaces_a_built_in_one_of_its_name(tmp_path: Path) -> None:
    draw_painting().save(tmp_path / "the_scream.png")
    style = next(style for style in find_styles(own=tmp_path) if style.id == "the_scream")
    assert style.image == tmp_path / "the_scream.png"


def test_paintings_with_parts_have_a_map_a_name_and_a_colour_of_each_and_what_was_measured_of_them() -> None:
    styles = [style for style in find_styles() if style.parts]
    assert len(styles) >= 8
    for style in styles:
        assert style.part_map
        assert style.measured_parts("compact")
        assert len({part.name for part in style.parts}) == len({part.color for part in style.parts}) == len(style.parts)
        with Image.open(style.part_map) as picture:
            assert set(np.unique(np.asarray(picture))) == set(range(len(style.parts)))
            colors = np.unique(np.asarray(picture.convert("RGB")).reshape(-1, 3), axis=0)
        assert {"#" + bytes(color).hex() for color in colors} == {part.color for part in style.parts}


def test_no_two_parts_of_a_painting_have_colours_that_a_map_takes_for_one() -> None:
    for style in find_styles():
        for one, other in combinations(style.parts, 2):
            assert distance(one.color, other.color) >= APART, f"{one.name} and {other.name} of {style.id}"


def test_parts_that_cannot_be_read_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "sky"
    folder.mkdir()
    (folder / "style.toml").write_text('id = "sky"\ntitle = "Sky"\n')
    (folder / "fingerprint.safetensors").write_bytes(b"")
    (folder / "parts.png").write_bytes(b"")
    (folder / "parts.toml").write_text("parts = [")
    (style,) = find_styles(tmp_path)
    assert style.parts == ()
    assert "parts" in caplog.text
