"""The gallery: what hangs, how it is found, which pictures it shows."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.gallery import Gallery, load_gallery, picture
from app.jobs.models import PaintRequest
from app.jobs.styles import BUILT_IN, Style
from tests.app import pictures


@pytest.fixture
def gallery(tmp_path: Path, own_styles: Path) -> Gallery:
    folder = tmp_path / "builtin" / "night"
    folder.mkdir(parents=True)
    (folder / "style.toml").write_text(
        'id = "night"\ntitle = "The Blue Night"\nartist = "Jeanne Hébuterne"\nborn = 1898\ndied = 1920\n'
        'year = "c. 1919"\n'
        'museum = "Nowhere"\nmovement = "School of Paris"\ndescription = "Blue."\nmoods = ["blue"]\ncommons = ""\n'
    )
    (folder / "fingerprint.safetensors").write_bytes(b"")
    (folder / "swatch.webp").write_bytes(pictures.encoded(pictures.quarters(), "WEBP"))
    return load_gallery(tmp_path / "builtin", own_styles)


def test_built_in_and_own_paintings_hang_together_by_title(gallery: Gallery) -> None:
    assert [card.id for card in gallery.cards] == ["night", "checks", "dusk"]


def test_an_owners_paintings_hang_first_and_those_that_ship_as_they_show_best(own_styles: Path) -> None:
    hanging = [card.id for card in load_gallery(BUILT_IN, own_styles).cards]
    order = (BUILT_IN / "order.txt").read_text().split()
    assert hanging == ["checks", "dusk", *order]
    assert sorted(order) == sorted(path.parent.name for path in BUILT_IN.glob("*/style.toml"))


def test_label_of_a_painting(gallery: Gallery) -> None:
    night = gallery.by_id["night"]
    assert (night.title, night.artist, night.life, night.year) == (
        "The Blue Night",
        "Jeanne Hébuterne",
        "(1898–1920)",
        "c. 1919",
    )


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"born": 1853, "died": 1890}, "(1853–1890)"),
        ({"died": 1890}, "(died 1890)"),
        ({"born": 1990}, "(born 1990)"),
        ({}, ""),
    ],
)
def test_years_of_an_artist_as_far_as_they_are_known(known: dict[str, int], said: str) -> None:
    (card,) = Gallery([Style(id="night", title="Night", **known)]).cards
    assert card.life == said


def test_a_painting_without_a_label_is_named_after_its_file(gallery: Gallery) -> None:
    checks = gallery.by_id["checks"]
    assert checks.title.lower() == "checks"
    assert checks.life == ""


@pytest.mark.parametrize(
    ("text", "mood", "found"),
    [
        ("", "", ["night", "checks", "dusk"]),
        ("hebuterne", "", ["night"]),
        ("HÉBUTERNE blue", "", ["night"]),
        ("muller", "", ["dusk"]),
        ("town hall", "", ["dusk"]),
        ("testism", "", ["dusk"]),
        ("nothing of the kind", "", []),
        ("", "blue", ["night"]),
        ("", "gold", ["dusk"]),
        ("", "red", []),
        ("dusk", "blue", []),
    ],
)
def test_filter_by_text_and_mood(gallery: Gallery, text: str, mood: str, found: list[str]) -> None:
    assert [card.id for card in gallery.search(text, mood).cards] == found


def test_a_slip_finds_what_was_meant_and_says_so(gallery: Gallery) -> None:
    found = gallery.search("hebutrene", "")
    assert [card.id for card in found.cards] == ["night"]
    assert found.meant == "hebuterne"
    assert gallery.search("hebuterne", "").meant == ""


def test_moods_are_those_of_paintings_that_hang(gallery: Gallery) -> None:
    assert gallery.moods == ["blue", "gold"]


def test_who_finds_nothing_is_told_whom_to_search_for(gallery: Gallery) -> None:
    assert "Jeanne Hébuterne" in gallery.hints
    assert all(gallery.search(artist, "").cards for artist in gallery.hints)


def test_titles_of_several_and_of_one_that_is_gone(gallery: Gallery) -> None:
    assert gallery.titles(["night", "gone"]) == "The Blue Night and gone"


def test_swatch_of_an_own_painting_is_a_small_square_of_it(gallery: Gallery) -> None:
    data = picture(gallery.by_id["checks"], "swatch.webp")
    assert data is not None
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.size) == ("WEBP", (384, 384))
    assert pictures.corners(image)[0][0] > 180  # The red quarter is still top left.


def test_a_painting_without_an_example_names_none(gallery: Gallery) -> None:
    assert gallery.by_id["night"].example_url == ""
    assert picture(gallery.by_id["night"], "example.webp") is None
    assert "?v=" in gallery.by_id["night"].swatch_url


def test_address_of_a_picture_changes_with_its_content(gallery: Gallery, tmp_path: Path, own_styles: Path) -> None:
    before = gallery.by_id["night"]
    other = pictures.encoded(pictures.quarters(64, 64), "WEBP")
    (tmp_path / "builtin" / "night" / "swatch.webp").write_bytes(other)
    after = load_gallery(tmp_path / "builtin", own_styles).by_id["night"]
    assert after.swatch_url != before.swatch_url
    assert after.keeps(after.swatch_url)
    assert not after.keeps(before.swatch_url)


def test_every_painting_that_ships_has_a_small_swatch_of_a_third_of_the_bytes() -> None:
    folders = [path.parent for path in Path("styles").glob("*/style.toml")]
    assert len(folders) == 66
    for folder in folders:
        with Image.open(folder / "swatch.avif") as small:
            assert small.size == (288, 288)
    large, small_bytes = (
        sum((folder / name).stat().st_size for folder in folders) for name in ("swatch.webp", "swatch.avif")
    )
    assert small_bytes < large / 3


def test_a_painting_with_a_network_is_less_work_where_that_can_do_what_is_asked(own_styles: Path) -> None:
    folder = own_styles / "waves"
    folder.mkdir()
    (folder / "any.png").write_bytes(pictures.encoded(pictures.quarters(), "PNG"))
    (folder / "network.safetensors").write_bytes(b"of which only the worker knows more")
    hanging = load_gallery(own_styles.parent / "nothing", own_styles)

    def work(style: str, **wish: Any) -> float:
        return hanging.work_of(
            (4000, 3000), PaintRequest.model_validate({"photo": "0" * 32, "styles": [{"id": style}]} | wish)
        )

    usual = work("dusk")
    assert work("waves") < usual / 5
    assert work("waves", keep_colors=1.0, output_size=2048) == work("waves")
    assert work("waves", strength=2) == work("dusk", strength=2)
    assert work("waves", styles=[{"id": "waves"}, {"id": "dusk"}]) == usual
