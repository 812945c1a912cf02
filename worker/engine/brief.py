"""A painting's brief: what was asked for and all that follows from it, resolved once and handed on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

from worker.engine.descent.optimize import Method
from worker.engine.networks.extractors import Extractor
from worker.engine.options import PaintOptions, freedom, layer_weights, planned, recipe
from worker.engine.presets import Preset
from worker.engine.pyramid import Stage

# How the photo's share in what is matched falls with strength, and the most that it can be.
PHOTO_POWER, MOST_PHOTO = -0.3, 0.9
# That share by scale, where a painting is free of the photo's shapes.
FREE_PHOTO = (0.3, 0.15, 0.1)


@dataclass(frozen=True)
class Brief:
    """How one photo is to be painted.

    Attributes:
        photo_size: (width, height) of the photo.
        options: what was asked for.
        extractor: what the picture is looked at with.
        recipe: the preset with everything in it that was asked for instead.
        content_weights, style_weights: by layer, of layers that the extractor has.
        stages: the plan.
    """

    photo_size: tuple[int, int]
    options: PaintOptions
    extractor: Extractor
    recipe: Preset
    content_weights: Mapping[str, float]
    style_weights: Mapping[str, float]
    stages: tuple[Stage, ...]

    @staticmethod
    def of(photo_size: tuple[int, int], options: PaintOptions, extractor: Extractor) -> Brief:
        """What follows from the options.

        Raises:
            ValueError: the options ask for layers that the extractor lacks.
        """
        wanted = recipe(options)
        stages = planned(photo_size, options, wanted, extractor.decoder is not None)
        return Brief(photo_size, options, extractor, wanted, *layer_weights(wanted, options, extractor), tuple(stages))

    @property
    def method(self) -> Method:
        """How each stage is minimised."""
        wanted = self.recipe
        return Method(
            wanted.optimizer, wanted.learning_rate, wanted.average, wanted.bounds, wanted.gradient_tolerance,
            self.options.min_improvement,
        )  # fmt: skip

    @cached_property
    def identity(self) -> str:
        """What a checkpoint knows its painting by."""
        # With the stages: an earlier version's plan of the same options was another one.
        return repr((self.photo_size, sorted(asdict(self.options).items()), list(self.stages)))

    def photo_share(self, index: int) -> float:
        """How much of the photo there is in what a stage's cells are matched by; the rest is the iterate.

        The stronger, the less; where the painting is free, less again with every round.
        """
        first, last = self.recipe.matching.photo
        scales = sorted({stage.scale for stage in self.stages})
        place = scales.index(self.stages[index].scale)
        strength = self.options.strength
        bound = (first + (last - first) * place / max(1, len(scales) - 1)) * math.pow(strength, PHOTO_POWER)
        free = 0.0 if self.recipe.rounds else freedom(strength)
        share = min(MOST_PHOTO, bound) * (1 - free) + FREE_PHOTO[min(place, len(FREE_PHOTO) - 1)] * free
        return share / (1 + free * self.stages[index].round)
