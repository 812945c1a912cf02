"""Originals of the built-in paintings: their addresses, what is taken for one, and how they come into the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from PIL import Image

from app.jobs.styles import Style, find_styles
from tests.app.pictures import encoded, landscape, png_claiming
from tests.commons import Commons, cut, serving
from tests.worker.engine.conftest import draw_painting
from worker import engine
from worker.job.originals import COMMONS, Collector, NotOriginalError, address, original_of, suffix_of

NAME = "Starry, starry Night.jpg"
SIZE = (320, 240)


@pytest.fixture
def commons() -> Iterator[Commons]:
    with serving() as commons:
        commons.files[NAME] = landscape(*SIZE)
        yield commons


@pytest.fixture
def collector(commons: Commons, tmp_path: Path) -> Collector:
    return Collector(tmp_path / "originals", site=commons.site, wait=lambda _: None)


def style(name: str = "Starry,_starry_Night.jpg") -> Style:
    return Style(id="night", title="Night", commons=f"{COMMONS}/wiki/File:{name}".replace("_", "%20"))


def names(collector: Collector) -> list[str]:
    return sorted(path.name for path in collector.folder.iterdir())


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Tsunami_by_hokusai_19th_century.jpg", "Tsunami_by_hokusai_19th_century.jpg"),
        ("In_Red,_Blue,_and_Yellow.jpg", "In_Red,_Blue,_and_Yellow.jpg"),
        ("Mus%C3%A9e_National_d%E2%80%99Art.jpg", "Musée_National_d’Art.jpg"),
        ("Musée_National_d’Art.jpg", "Musée_National_d’Art.jpg"),
        ("100%25_%22blue%22_(winter)_'1911'.jpg", "100%_\"blue\"_(winter)_'1911'.jpg"),
        ("What%3F_Why+not_A%26B=C.jpg", "What?_Why+not_A&B=C.jpg"),
        ("40.3_%C3%97_37.4_cm%23.jpg", "40.3_×_37.4_cm#.jpg"),
    ],
)
def test_odd_letters_of_a_name_arrive_as_they_are(commons: Commons, tmp_path: Path, written: str, name: str) -> None:
    commons.files = {name: landscape(*SIZE)}
    painting = Style(id="night", title="Night", commons=f"{COMMONS}/wiki/File:{written}")
    Collector(tmp_path, site=commons.site).fetch(painting, None)
    first = urlsplit(commons.asked[0].path)
    assert unquote(first.path) == f"/wiki/Special:FilePath/{name}"
    assert first.query == "width=1920"
    assert first.path.isascii()


@pytest.mark.parametrize(
    "page",
    [
        "",
        "https://commons.wikimedia.org/wiki/File:",
        "https://commons.wikimedia.org/wiki/Starry_Night",
        "https://en.wikipedia.org/wiki/File:Night.jpg",
        "https://commons.wikimedia.org.example.com/wiki/File:Night.jpg",
        "http://commons.wikimedia.org/wiki/File:Night.jpg",
    ],
)
def test_what_is_no_page_of_a_file_at_commons_has_no_address(collector: Collector, page: str) -> None:
    painting = Style(id="night", title="Night", commons=page)
    assert address(painting, 1920) is None
    with pytest.raises(NotOriginalError, match="names no file"):
        collector.fetch(painting, None)


def test_every_address_in_the_gallery_is_one_of_a_file_or_empty() -> None:
    paintings = find_styles()
    assert paintings
    for painting in paintings:
        assert bool(painting.commons) == bool(address(painting, 1920)), painting.id


def test_an_original_is_fetched_and_found(commons: Commons, collector: Collector) -> None:
    told: list[tuple[int, int]] = []
    assert original_of("night", collector.folder) is None
    path = collector.fetch(style(), SIZE, lambda *counts: told.append(counts))
    assert names(collector) == ["night.jpg"]
    assert original_of("night", collector.folder) == path
    assert path.read_bytes() == commons.files[NAME]
    assert told[-1] == (len(commons.files[NAME]),) * 2
    assert collector.has(style(), SIZE)


def test_the_server_is_told_who_asks_and_from_which_page(commons: Commons, tmp_path: Path) -> None:
    Collector(tmp_path, contact="me@example.org", site=commons.site).fetch(style(), None)
    for asked in commons.asked:
        assert asked.headers["User-Agent"].startswith("Atelier/")
        assert "(me@example.org)" in asked.headers["User-Agent"]
        assert asked.headers["Referer"] == style().commons


@pytest.mark.parametrize(("file_format", "suffix"), [("JPEG", ".jpg"), ("PNG", ".png"), ("WEBP", ".webp")])
def test_it_is_named_by_what_it_is(commons: Commons, collector: Collector, file_format: str, suffix: str) -> None:
    collector.fetch(style(), None)
    commons.files[NAME] = encoded(draw_painting(*SIZE), file_format)
    assert collector.fetch(style(), None).suffix == suffix
    assert names(collector) == [f"night{suffix}"]  # and the one that it replaces is gone


PAGE = b"<!DOCTYPE html><html><head><title>Welcome to our hotel</title></head><body>Accept?</body></html>"


@pytest.mark.parametrize(
    ("content", "measured", "told"),
    [
        (PAGE, None, "is a web page"),
        (b"", None, "is an empty file"),
        (b"no picture at all, but some bytes of it" * 50, None, "is no picture"),
        (landscape(*SIZE)[:3000], None, "is a damaged picture"),
        (encoded(draw_painting(*SIZE), "TIFF"), None, "does not render"),
        (png_claiming(40_000, 40_000), None, "1600 megapixels"),
        (encoded(draw_painting(200, 150)), None, "too small"),
        (landscape(*SIZE), (300, 300), "1.00 times as wide"),
        (landscape(*SIZE), (240, 320), "0.75 times as wide"),
    ],
)
def test_what_is_no_picture_of_the_painting_is_said_and_not_kept(
    commons: Commons, collector: Collector, content: bytes, measured: tuple[int, int] | None, told: str
) -> None:
    commons.files[NAME] = content
    with pytest.raises(NotOriginalError, match=told) as caught:
        collector.fetch(style(), measured)
    assert commons.site in str(caught.value)
    assert names(collector) == []


def test_what_was_there_stays_if_nothing_better_comes(commons: Commons, collector: Collector) -> None:
    path = collector.fetch(style(), SIZE)
    before = path.read_bytes()
    commons.files[NAME] = PAGE
    with pytest.raises(NotOriginalError):
        collector.fetch(style(), SIZE)
    assert names(collector) == ["night.jpg"]
    assert path.read_bytes() == before


def test_a_scan_that_is_cut_otherwise_is_the_same_painting(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(landscape(*SIZE))
    assert suffix_of(path, (320, 262)) == ".jpg"
    assert suffix_of(path, (320, 218)) == ".jpg"


def test_a_damaged_one_is_not_there(collector: Collector) -> None:
    path = collector.fetch(style(), SIZE)
    path.write_bytes(path.read_bytes()[:2000])
    assert not collector.has(style(), SIZE)


def test_what_was_cut_off_is_gone_on_with_in_the_same_size_alone(commons: Commons, collector: Collector) -> None:
    commons.fates.extend([cut(2000)] * 5)
    with pytest.raises(engine.DownloadError, match="cut off"):
        collector.fetch(style(), SIZE)
    assert names(collector) == ["night.1920.partial"]
    assert original_of("night", collector.folder) is None
    Collector(collector.folder, 3840, site=collector.site).fetch(style(), SIZE)
    assert commons.for_bytes[-1].headers["Range"] is None
    collector.fetch(style(), SIZE)
    assert commons.for_bytes[-1].headers["Range"] == "bytes=2000-"
    with Image.open(collector.folder / "night.jpg") as image:
        assert image.size == SIZE
    assert names(collector) == ["night.jpg"]
