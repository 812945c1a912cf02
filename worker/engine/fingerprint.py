"""Fingerprints: all that the objective needs to know of a painting, at several scales, and nothing of its pixels."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from worker.engine.errors import FingerprintFormatError, FingerprintMismatchError
from worker.engine.extractors import STYLE_LAYERS, Extractor
from worker.engine.images import fitted_size, to_tensor
from worker.engine.operators import Pooling
from worker.engine.palette import Palette, blend_palettes, palette_of
from worker.engine.statistics import LayerStatistics, cross_statistics, layer_statistics

FINGERPRINT_SCALES = (128, 256, 512, 1024)
FORMAT = "atelier-fingerprint-1"

PAIR = "·"

ScaleStatistics = dict[str, LayerStatistics]


@dataclass(frozen=True)
class Fingerprint:
    """Statistics per scale (longest side of the painting in pixels) and style layer, of one extractor's activations."""

    extractor: str
    weights_hash: str
    scales: dict[int, ScaleStatistics]
    pooling: Pooling = "average"
    palette: Palette | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that it has statistics of."""
        return tuple(key for key in next(iter(self.scales.values())) if PAIR not in key)

    def covers(self, layers: Collection[str], pooling: Pooling = "average", correlations: bool = False) -> bool:
        """Whether it has all that a painting needs."""
        has_pairs = any(PAIR in key for key in next(iter(self.scales.values())))
        return pooling == self.pooling and set(layers) <= set(self.layers) and has_pairs >= correlations

    def at(self, scale: float) -> ScaleStatistics:
        """Statistics at any scale: stored, interpolated linearly in log scale, or the nearest end's."""
        known = sorted(self.scales)
        scale = min(max(scale, known[0]), known[-1])
        above = next(each for each in known if each >= scale)
        below = max(each for each in known if each <= scale)
        if above == below:
            return self.scales[above]
        share = math.log(scale / below) / math.log(above / below)
        return {
            layer: _mixed([(self.scales[below][layer], 1 - share), (self.scales[above][layer], share)])
            for layer in self.scales[below]
        }

    def check(self, extractor: Extractor) -> None:
        """Raise FingerprintMismatchError unless this fingerprint was made with `extractor` and its very weights."""
        if (self.extractor, self.weights_hash) != (extractor.name, extractor.weights_hash):
            raise FingerprintMismatchError(
                f"The fingerprint was made with {self.extractor} (weights {self.weights_hash[:12]}), "
                f"not with {extractor.name} (weights {extractor.weights_hash[:12]})."
            )

    def save(self, path: Path) -> None:
        """Write float16 upper triangles, each divided by its largest entry so that no value overflows."""
        tensors: dict[str, Tensor] = {}
        for scale, layers in self.scales.items():
            for layer, statistics in layers.items():
                upper = torch.triu_indices(*statistics.moment.shape, device=statistics.moment.device)
                for part, values in (("mean", statistics.mean), ("moment", statistics.moment[upper[0], upper[1]])):
                    largest = values.abs().max().clamp_min(1e-12)
                    tensors[f"{scale}.{layer}.{part}"] = (values / largest).half().cpu()
                    tensors[f"{scale}.{layer}.{part}.largest"] = largest.float().cpu().reshape(1)
        metadata = {"format": FORMAT, "extractor": self.extractor, "weights_hash": self.weights_hash}
        metadata["scales"] = json.dumps(sorted(self.scales))
        save_file(tensors, path, metadata=metadata)


def load_fingerprint(path: Path, extractor: Extractor) -> Fingerprint:
    """Read a fingerprint for use with `extractor`.

    Raises:
        FingerprintFormatError: the file is damaged or something else.
        FingerprintMismatchError: it was made with another extractor or other weights.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise FingerprintFormatError(f"{path} is not a fingerprint of format {FORMAT}.")
            scales = {
                scale: {layer: _read_layer(file, f"{scale}.{layer}", extractor.device) for layer in STYLE_LAYERS}
                for scale in json.loads(metadata["scales"])
            }
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FingerprintFormatError(f"{path} is damaged: {error}") from error
    fingerprint = Fingerprint(metadata["extractor"], metadata["weights_hash"], scales)
    fingerprint.check(extractor)
    return fingerprint


def _read_layer(file: safe_open, prefix: str, device: torch.device) -> LayerStatistics:
    def values(part: str) -> Tensor:
        read: Callable[[str], Tensor] = file.get_tensor
        scaled = read(f"{prefix}.{part}").float() * read(f"{prefix}.{part}.largest")
        return scaled.to(device)

    mean, upper = values("mean"), values("moment")
    moment = torch.zeros(len(mean), len(mean), device=device)
    rows, columns = torch.triu_indices(len(mean), len(mean), device=device)
    moment[rows, columns] = upper
    moment[columns, rows] = upper
    return LayerStatistics(mean, moment)


@torch.no_grad()
def fingerprint_of(
    painting: Image.Image,
    extractor: Extractor,
    scales: Sequence[int] = FINGERPRINT_SCALES,
    layers: Sequence[str] = STYLE_LAYERS,
    pooling: Pooling = "average",
    correlations: bool = False,
) -> Fingerprint:
    """Fingerprint of a painting at those `scales` that do not enlarge it, and at its own if that is between two.

    Only a painting smaller than the smallest scale is enlarged, to that one.
    """
    longest = max(painting.size)
    used = [scale for scale in scales if scale <= longest] or [min(scales)]
    if used[-1] * 1.1 < longest < max(scales):
        used.append(longest)
    statistics: dict[int, ScaleStatistics] = {}
    for scale in used:
        taps = extractor(to_tensor(painting, fitted_size(painting.size, scale)), layers, pooling)
        statistics[scale] = {layer: layer_statistics(taps[layer]) for layer in layers}
        if correlations:
            for shallower, deeper in pairwise(layers):
                statistics[scale][pair_key(deeper, shallower)] = cross_statistics(taps[deeper], taps[shallower])
    return Fingerprint(extractor.name, extractor.weights_hash, statistics, pooling, palette_of(painting))


def pair_key(deeper: str, shallower: str) -> str:
    """Under which the correlation of two layers is kept."""
    return f"{deeper}{PAIR}{shallower}"


def blend(parts: Sequence[tuple[Fingerprint, float]]) -> Fingerprint:
    """One fingerprint from several with positive weights: the weighted mean of their statistics at every scale.

    Source: jcjohnson/neural-style averages the Gram matrices of several paintings alike; means are averaged too.

    Raises:
        ValueError: no parts, or weights that are not positive.
        FingerprintMismatchError: the parts come from different extractors.
    """
    if not parts or any(weight <= 0 for _, weight in parts):
        raise ValueError("blending needs at least one fingerprint, and positive weights")
    first = parts[0][0]
    if any((each.extractor, each.weights_hash) != (first.extractor, first.weights_hash) for each, _ in parts):
        raise FingerprintMismatchError("Fingerprints of different extractors cannot be blended.")
    if len(parts) == 1:
        return first
    total = sum(weight for _, weight in parts)
    scales = sorted({scale for each, _ in parts for scale in each.scales})
    return Fingerprint(
        first.extractor,
        first.weights_hash,
        {
            scale: {
                layer: _mixed([(each.at(scale)[layer], weight / total) for each, weight in parts])
                for layer in first.at(scale)
            }
            for scale in scales
        },
        first.pooling,
        blend_palettes([(each.palette, weight) for each, weight in parts if each.palette])
        if all(each.palette for each, _ in parts)
        else None,
    )


def _mixed(parts: Sequence[tuple[LayerStatistics, float]]) -> LayerStatistics:
    mean = torch.stack([statistics.mean * share for statistics, share in parts]).sum(0)
    moment = torch.stack([statistics.moment * share for statistics, share in parts]).sum(0)
    return LayerStatistics(mean, moment)
