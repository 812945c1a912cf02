"""What a person can ask of a painting, and the recipe that follows from it: a preset with what was asked instead."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, get_args

from worker.engine.colors.color import ColorMethod
from worker.engine.colors.masks import GuideMode
from worker.engine.losses.kinds import KINDS, OF_ANY_LAYERS, STYLE_LOSSES, Kind, StyleLoss
from worker.engine.losses.terms import CONTENT_SCALINGS, ContentScaling
from worker.engine.networks.extractors import STYLE_LAYERS, Extractor
from worker.engine.networks.operators import Pooling
from worker.engine.presets import PRESETS, Optimizer, Preset, PresetName, Start, equal_weights, series_weights
from worker.engine.pyramid import EFFORT, Quality, Schedule, Stage, stages
from worker.engine.style.cells import CELL_LAYERS
from worker.engine.style.patches import PATCH_LAYERS

ColorWhen = Literal["after", "before"]
Resample = Literal["lanczos", "network", "bicubic", "bilinear", "nearest"]

LIMITS: dict[str, tuple[float, float]] = {
    "size": (64, 8192),
    "strength": (0.1, 10.0),
    "brush": (0.25, 4.0),
    "smoothing": (0.0, 10.0),
    "variety": (0.0, 4.0),
    "fidelity": (0.0, 1.0),
    "keep_colors": (0.0, 1.0),
    "feather": (0.0, 0.1),
    "iterations": (1, 5000),
    "min_improvement": (0.0, 50.0),
    "output_size": (256, 8192),
}
CHOICES: dict[str, tuple[str, ...]] = {
    "preset": tuple(PRESETS),
    "quality": tuple(EFFORT),
    "color_method": get_args(ColorMethod),
    "color_when": get_args(ColorWhen),
    "guides": get_args(GuideMode),
    "resample": get_args(Resample),
    "start": get_args(Start),
    "content_scaling": CONTENT_SCALINGS,
    "style_loss": STYLE_LOSSES,
    "pooling": get_args(Pooling),
    "optimizer": get_args(Optimizer),
}


# Strengths from which on, and at which, a painting is free of the photo's shapes.
FREE_BETWEEN = (2.0, 4.0)
# How often each scale's cells are matched then.
FREE_ROUNDS = (3, 3, 2, 1)


class StyleDefaults(NamedTuple):
    """Of a kind of style losses: what it compares, and what it weighs beside a relative content loss of 1."""

    layers: Mapping[str, float]
    weight: float


NEAREST = StyleDefaults(equal_weights(CELL_LAYERS), 6.5)
PATCHES = StyleDefaults(equal_weights(PATCH_LAYERS), 0.8)
STATISTICAL = StyleDefaults(equal_weights(STYLE_LAYERS), 20.0)
LEARNING_RATES: dict[Optimizer, float] = {"lbfgs": 1.0, "adam": 0.02}


@dataclass(frozen=True)
class PaintOptions:
    """How to paint. What is None is the preset's.

    Attributes:
        preset: which way to paint (presets.py).
        size: longest side of the pastiche in pixels, 64 to 8192.
        strength: factor on the style weight, 0.1 to 10; 1 keeps the subject and shows the strokes.
        brush: the painting's scale against the photo's, 0.25 to 4; 2 paints with strokes twice as large.
        smoothing: factor on the total-variation weight, 0 to 10.
        variety: factor on how often cells grow dearer that are used beyond their share of the painting, 0 to 4
            (style/match.py).
        fidelity: how strictly a region is painted with cells of its own style alone, 0 (as it looks) to 1 (always).
        seed: any integer from 0; another seed is another hand.
        quality: share of the planned evaluations, `draft`, `good` or `best`.
        keep_colors: share of the photo's colours, 0 (the painting's) to 1 (the photo's).
        color_method: how the photo's colours are kept (color.py).
        color_when: recolour the pastiche `after`, or paint in the painting's colour space from `before` on.
        feather: width over which the edges of masks are softened, as a share of the longer side, 0 to 0.1.
        guides: how a mask becomes each layer's guide (colors/masks.py).
        start: what the first stage begins from.
        content_layers, style_layers: layer name → weight, 0 or more, not all 0.
        content_scaling, style_loss: which formula (losses/). Where cells are compared by default, but `style_layers`
            names others than theirs, it is `relative-gram`.
        pooling: of the extractor.
        optimizer: `lbfgs` or `adam`.
        iterations: evaluations in all, 1 to 5000, shared over the stages as the preset does.
        min_improvement: a stage ends when its loss falls by less than so many percent in 20 evaluations; 0 never ends.
        output_size: longest side in pixels to which the finished pastiche is resampled, 256 to 8192.
        resample: with which filter, or by the network that enlarges (upscale.py).

    Raises:
        ValueError: an option is out of its range or none that there is; the message names it.
    """

    preset: PresetName = "studio"
    size: int = 1024
    strength: float = 1.0
    brush: float = 1.0
    smoothing: float = 1.0
    variety: float = 1.0
    fidelity: float = 1.0
    seed: int = 0
    quality: Quality = "good"
    keep_colors: float = 0.0
    color_method: ColorMethod = "luminance"
    color_when: ColorWhen = "after"
    feather: float = 0.01
    guides: GuideMode = "simple"
    start: Start | None = None
    content_layers: Mapping[str, float] | None = None
    style_layers: Mapping[str, float] | None = None
    content_scaling: ContentScaling | None = None
    style_loss: StyleLoss | None = None
    pooling: Pooling | None = None
    optimizer: Optimizer | None = None
    iterations: int | None = None
    min_improvement: float = 0.0
    output_size: int | None = None
    resample: Resample = "lanczos"

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"{name} is {value}, but must be from {low} to {high}")
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value is not None and value not in choices:
                raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(choices)}")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, but must not be negative")
        for name in ("content_layers", "style_layers"):
            weights = getattr(self, name)
            if weights is not None and not _is_weighted(weights):
                raise ValueError(f"{name} needs layers with weights from 0, and not all 0")
        if self.color_when == "before" and self.color_method == "luminance":
            raise ValueError("color_when is before, but luminance can only be transferred after; choose linear")


class Needs(NamedTuple):
    """What a fingerprint must cover for a painting: layers, the extractor's pooling, correlations of neighbours.

    `cells` is whether it needs a codebook, `exemplar` whether it needs the painting's pixels.
    """

    layers: tuple[str, ...]
    pooling: Pooling
    correlations: bool
    cells: bool
    exemplar: bool = False


# What a fingerprint usually covers: what most presets need, each with the other's as well.
USUAL = Needs(STYLE_LAYERS, "average", False, True)


def recipe(options: PaintOptions) -> Preset:
    """The preset with everything in it that the options ask for instead."""
    preset = PRESETS[options.preset]
    asked = {
        name: getattr(options, name)
        for name in ("start", "content_layers", "style_layers", "content_scaling", "style_loss", "pooling", "optimizer")
        if getattr(options, name) is not None
    }
    if options.style_layers is not None:
        # A person's weights are shares; how strong the style is altogether is for `strength`.
        total = sum(options.style_layers.values())
        asked["style_layers"] = {layer: weight / total for layer, weight in options.style_layers.items() if weight}
        # Correlations are of all neighbours; layers that were picked have none.
        asked["correlations"] = False
    bound = bound_to(preset.kind)
    if options.style_loss is None and bound and set(asked.get("style_layers", ())) - set(bound):
        asked["style_loss"] = OF_ANY_LAYERS
    wanted = bound_to(KINDS[asked.get("style_loss", preset.style_loss)])
    if wanted != bound:
        # What one kind of loss compares and weighs says nothing of the other.
        kind = {CELL_LAYERS: NEAREST, PATCH_LAYERS: PATCHES}.get(wanted, STATISTICAL)
        preset = replace(preset, style_layers=kind.layers, style_weight=kind.weight, correlations=False)
    if options.style_loss and not KINDS[options.style_loss].correlates:
        asked["correlations"] = False
    if options.content_layers is not None:
        asked["content_layers"] = {layer: weight for layer, weight in options.content_layers.items() if weight}
    if options.optimizer not in (None, preset.optimizer):
        asked |= {"learning_rate": LEARNING_RATES[options.optimizer], "average": 0.0}
    (coarse, fine), kept = preset.matching.surroundings, 1 - freedom(options.strength)
    matching = replace(
        preset.matching,
        rounds=round(preset.matching.rounds * options.variety),
        surroundings=(coarse * kept, fine * kept),
    )
    return replace(
        preset,
        **asked,
        style_weight=preset.style_weight * options.strength,
        tv_weight=preset.tv_weight * options.smoothing,
        matching=matching,
    )


def bound_to(kind: Kind) -> tuple[str, ...]:
    """The layers that a kind of style loss is bound to; none if it compares any."""
    if kind.matches_cells:
        return CELL_LAYERS
    return PATCH_LAYERS if kind.matches_patches else ()


def layer_weights(
    recipe: Preset, options: PaintOptions, extractor: Extractor
) -> tuple[dict[str, float], dict[str, float]]:
    """Content and style weights by layer, of layers that `extractor` has.

    A preset's content layer that lies deeper than the extractor goes is taken to be its deepest one; a person's is not.

    Raises:
        ValueError: the options name a layer that the extractor lacks; the message names those that it has.
    """
    for name in ("content_layers", "style_layers"):
        try:
            extractor.check(getattr(options, name) or ())
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    content: dict[str, float] = {}
    for layer, weight in recipe.content_layers.items():
        there = layer if layer in extractor.layers else extractor.layers[-1]
        content[there] = content.get(there, 0.0) + weight
    if isinstance(recipe.style_layers, str):
        return content, series_weights(recipe.style_layers, extractor.layers)
    bound = bound_to(recipe.kind)
    strangers = [layer for layer in recipe.style_layers if layer not in bound]
    if bound and strangers:
        raise ValueError(f"style_layers: {recipe.style_loss} compares {', '.join(bound)}, not {', '.join(strangers)}")
    return content, dict(recipe.style_layers)


def needs(options: PaintOptions, extractor: Extractor) -> Needs:
    """What the fingerprints must cover to paint with these options.

    Raises:
        ValueError: as in `layer_weights`.
    """
    wanted = recipe(options)
    _, style = layer_weights(wanted, options, extractor)
    statistics = tuple(style) if wanted.kind.compares_statistics else ()
    return Needs(
        statistics, wanted.pooling, wanted.correlations, wanted.kind.matches_cells, wanted.kind.matches_patches
    )


def decodes(options: PaintOptions) -> bool:
    """Whether an extractor's decoder draws the stages, if it has one: it knows cells under average pooling.

    What begins from something else than the photo is not drawn anew: it is evaluated from there on.
    """
    return _is_decoded(recipe(options))


def plan(photo_size: tuple[int, int], options: PaintOptions, has_decoder: bool = True) -> list[Stage]:
    """The stages of a painting of a photo of `photo_size` (width, height), with a decoder or without."""
    return planned(photo_size, options, recipe(options), has_decoder)


def planned(
    photo_size: tuple[int, int], options: PaintOptions, recipe: Preset, has_decoder: bool = True
) -> list[Stage]:
    """The same, where the recipe is known that follows from the options."""
    preset = PRESETS[options.preset]
    is_free = preset.kind.matches_cells and freedom(options.strength) > 0
    schedule = Schedule(
        preset.pyramid,
        preset.evaluations,
        EFFORT[options.quality],
        preset.rounds or (FREE_ROUNDS if is_free else (1,)),
        preset.refinement if has_decoder and _is_decoded(recipe) else None,
        options.iterations,
        recipe.kind.matches_patches,
    )
    return stages(photo_size, options.size, schedule)


def freedom(strength: float) -> float:
    """From 0, where the photo's shapes are kept, to 1, where the painting's own larger things may form."""
    low, high = FREE_BETWEEN
    return min(1.0, max(0.0, math.log(strength / low) / math.log(high / low)))


def work_of(photo_size: tuple[int, int], options: PaintOptions) -> float:
    """Megapixel-evaluations of the whole plan, where there is a decoder."""
    return sum(stage.work for stage in plan(photo_size, options))


def _is_decoded(recipe: Preset) -> bool:
    knows = recipe.kind.matches_cells and recipe.pooling == "average"
    return recipe.refinement is not None and knows and recipe.start == "photo"


def _is_weighted(weights: Mapping[str, float]) -> bool:
    values = list(weights.values())
    return all(value >= 0 for value in values) and 0 < sum(values) < math.inf
