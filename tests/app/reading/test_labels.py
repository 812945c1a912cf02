"""Maps of colours are told from photos."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

from app.reading.labels import flatness, main_colors
from tests.worker.engine.conftest import draw_painting


def drawn(quality: int | None = None) -> Image.Image:
    """A map drawn four times as large and made smaller, so that its edges are smooth, as a JPEG if asked."""
    picture = Image.new("RGB", (800, 640), "#2a4fb0")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((100, 100, 400, 400), fill="#ffd83d")
    pen.polygon([(700, 640), (600, 100), (500, 640)], fill="#000000")
    picture = picture.resize((200, 160), Image.Resampling.LANCZOS)
    if quality:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        picture = Image.open(buffer)
    return picture


def test_a_maps_colours_are_found_also_in_a_jpeg_with_smooth_edges() -> None:
    for picture in (drawn(), drawn(90)):
        colors = main_colors(picture)
        common = [color for color, share in colors.items() if share > 0.01]
        assert len(common) == 3
        assert flatness(picture, colors) > 0.95


def test_a_picture_of_60_000_colours_is_no_map() -> None:
    photo = Image.effect_noise((300, 240), 80).convert("RGB")
    noise = Image.merge("RGB", [Image.effect_noise((300, 240), 80) for _ in range(3)])
    assert flatness(noise, main_colors(noise)) < 0.5
    assert flatness(draw_painting().resize((90, 70)), main_colors(draw_painting())) < 0.95
    assert len(main_colors(photo)) < 20
