"""Paint docs/gallery.md: every preset, every way to keep colours, regions, and grids of strength, brush and size.

    python -m training.gallery

Needs nothing but the project: its sample photo, its built-in styles, its extractor. A picture that is there already is
left alone, so an interrupted run goes on where it stopped; --again paints all of them anew.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from PIL import Image
from tqdm import tqdm

from worker import engine
from worker.engine.pyramid import Quality

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs" / "images" / "gallery"
PAGE = ROOT / "docs" / "gallery.md"
SAMPLE = ROOT / "static" / "pictures" / "sample.jpg"
STYLES = ROOT / "styles"
TILE = 320  # longest side of a picture in a grid
GAP = 6
SIX = ["starry_night", "great_wave", "the_scream", "composition_vii", "la_grande_jatte", "udnie"]
STRENGTHS, BRUSHES, SIZES = (0.2, 0.5, 1.0, 2.0, 4.0), (0.5, 1.0, 2.0), (256, 512, 1024)
USUAL = engine.PaintOptions(size=TILE)
COLOR_METHODS: list[dict[str, Any]] = [
    {"keep_colors": 0.0},
    *({"keep_colors": 1.0, "color_method": method} for method in engine.CHOICES["color_method"]),
    *(
        {"keep_colors": 1.0, "color_method": method, "color_when": "before"}
        for method in engine.CHOICES["color_method"]
        if method != "luminance"
    ),
    {"keep_colors": 0.5},
]


@dataclass(frozen=True)
class Piece:
    """One picture of the page.

    `style` is that of the whole, or of the sky; `other_style` that of the land, or of the whole as well if it `blends`.
    `keeps` leaves the sky to the photo.
    """

    style: str
    options: engine.PaintOptions = USUAL
    other_style: str = ""
    blends: bool = False
    keeps: bool = False


@dataclass(frozen=True)
class Grid:
    """A picture file of the page: pieces in rows, and what the page says about it."""

    name: str
    title: str
    text: str
    columns: int
    pieces: Sequence[Piece] = field(default_factory=list)


def grids() -> Iterator[Grid]:
    """All that the page shows, in its order."""
    for name, preset in engine.PRESETS.items():
        if not preset.sees_photo:  # what is painted from a map alone is in docs/doodles.md
            continue
        # Thousands of evaluations would take longer than all the others together.
        quality: Quality = "draft" if sum(preset.evaluations) > 1000 else "good"
        options = engine.PaintOptions(preset=name, size=TILE, quality=quality)
        text = f"{preset.description} *{preset.source}.*"
        yield Grid(f"preset-{name}", f"`{name}`", text, 2, [Piece(style, options) for style in SIX[:2]])
    text = "The painting's; then " + ", ".join(f"`{each['color_method']}`" for each in COLOR_METHODS[1:6])
    text += " after; then " + ", ".join(f"`{each['color_method']}`" for each in COLOR_METHODS[6:10])
    text += " before; last, half of the photo's colours (`--keep-colors 0.5`)."
    pieces = [Piece("the_scream", replace(USUAL, **each)) for each in COLOR_METHODS]
    yield Grid("colors", "Colours", text, 4, pieces)
    masked = replace(USUAL, feather=0.03)
    yield Grid(
        "regions",
        "Regions",
        "Sky after one painting, land after another; the sky kept; the first again with both other kinds of guides.",
        2,
        [
            Piece("starry_night", masked, "la_grande_jatte"),
            Piece("great_wave", masked, keeps=True),
            Piece("starry_night", replace(masked, guides="inside"), "la_grande_jatte"),
            Piece("starry_night", replace(masked, guides="all"), "la_grande_jatte"),
        ],
    )
    yield Grid(
        "blend", "Blends", "Two paintings at once, half and half.", 2,
        [
            Piece("starry_night", other_style="composition_vii", blends=True),
            Piece("great_wave", other_style="udnie", blends=True),
        ],
    )  # fmt: skip
    for option, values in (("strength", STRENGTHS), ("brush", BRUSHES)):
        text = f"Across: {option} " + ", ".join(map(str, values)) + ". Down: " + ", ".join(titled(SIX)) + "."
        if option == "strength":
            text += " From the photo to the painting: above 2 the painting's own larger things form."
        chosen: list[dict[str, Any]] = [{option: value} for value in values]
        pieces = [Piece(style, replace(USUAL, **each)) for style in SIX for each in chosen]
        yield Grid(option, option.capitalize(), text, len(values), pieces)
    text = (
        "Across: painted at " + ", ".join(map(str, SIZES)) + " pixels, shown alike. Down: " + ", ".join(titled(SIX[:3]))
    )
    text += ". A small painting predicts the large one: the same composition, the same relative brush."
    pieces = [Piece(style, replace(USUAL, size=size)) for style in SIX[:3] for size in SIZES]
    yield Grid("sizes", "Sizes", text, len(SIZES), pieces)


def titled(styles: Sequence[str]) -> list[str]:
    return [style.replace("_", " ") for style in styles]


class Studio:
    """What the pieces are painted with; fingerprints are measured once."""

    def __init__(self) -> None:
        self.extractor = engine.load_extractor("compact", ROOT / "models", ROOT / "data" / "models")
        self.photo = Image.open(SAMPLE).convert("RGB")
        self._styles: dict[tuple[str, engine.Needs], engine.Fingerprint] = {}
        self._stand_ins: dict[str, Image.Image] = {}

    def paint(self, piece: Piece) -> Image.Image:
        wanted = engine.needs(piece.options, self.extractor)
        style = self._style(piece.style, wanted)
        scene = engine.Scene.of(self.photo, style)
        if piece.other_style:
            other = self._style(piece.other_style, wanted)
            if piece.blends:
                scene = engine.Scene.of(self.photo, engine.blend([(style, 1.0), (other, 1.0)]))
            else:
                scene = engine.Scene(self.photo, (engine.Region(style, self._sky()), engine.Region(other)))
        if piece.keeps:
            scene = replace(scene, keep=self._sky())
        return engine.paint(scene, self.extractor, piece.options).picture.image()

    def _sky(self) -> Image.Image:
        """White above the sample's horizon."""
        mask = Image.new("L", (60, 45), 0)
        mask.paste(255, (0, 0, 60, 25))
        return mask

    def _style(self, name: str, needs: engine.Needs) -> engine.Fingerprint:
        if (name, needs) not in self._styles:
            shipped = engine.load_fingerprint(STYLES / name / "fingerprint.safetensors", self.extractor)
            if not shipped.covers(*needs._replace(exemplar=False)):
                layers, pooling, correlations, cells, _ = needs
                measured = engine.fingerprint_of(
                    self._stand_in(name, shipped), self.extractor, layers=layers, pooling=pooling,
                    correlations=correlations, cells=cells,
                )  # fmt: skip
                shipped = replace(measured, palette=shipped.palette)
            if needs.exemplar:
                exemplar = engine.Exemplar.of(self._stand_in(name, shipped))
                shipped = replace(shipped, exemplars=((exemplar, 1.0),))
            self._styles[name, needs] = shipped
        return self._styles[name, needs]

    def _stand_in(self, name: str, shipped: engine.Fingerprint) -> Image.Image:
        if name not in self._stand_ins:
            self._stand_ins[name] = engine.repaint(shipped.codebooks[0][0], self.extractor)
        return self._stand_ins[name]


def montage(pictures: Sequence[Image.Image], columns: int) -> Image.Image:
    """The pictures in rows, each TILE pixels long, on white."""
    tiles = [each.resize((TILE, round(TILE * each.height / each.width)), Image.Resampling.LANCZOS) for each in pictures]
    width, height = tiles[0].size
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (width + GAP) - GAP, rows * (height + GAP) - GAP), "white")
    for index, tile in enumerate(tiles):
        sheet.paste(tile, (index % columns * (width + GAP), index // columns * (height + GAP)))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--again", action="store_true", help="paint also what is there already")
    args = parser.parse_args()
    PICTURES.mkdir(parents=True, exist_ok=True)
    studio, page = Studio(), ["# Gallery", "", INTRODUCTION]
    for grid in tqdm(list(grids())):
        target = PICTURES / f"{grid.name}.webp"
        if args.again or not target.exists():
            montage([studio.paint(piece) for piece in grid.pieces], grid.columns).save(target, quality=80, method=6)
        picture = f"![{grid.title.strip('`')}](images/gallery/{target.name})"
        page += ["", f"## {grid.title}", "", grid.text, "", picture]
    PAGE.write_text("\n".join(page) + "\n", encoding="utf-8")


INTRODUCTION = """All of these are the project's own: its sample photo, drawn by `python -m training.sample_photo`, and
its built-in styles, with the compact extractor. `make gallery` paints them again. Presets that need more statistics
than a built-in fingerprint holds measure the painting as it is drawn again from its codebook."""


if __name__ == "__main__":
    main()
