"""Fingerprints: all that the objective needs to know of a painting, at several scales: statistics, and a codebook."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from worker.engine.colors.palette import Palette, mixed_palette, palette_of
from worker.engine.errors import FingerprintFormatError, FingerprintMismatchError
from worker.engine.images import fitted_size, to_tensor
from worker.engine.networks.extractors import STYLE_LAYERS, Extractor
from worker.engine.networks.operators import Pooling
from worker.engine.pyramid import between
from worker.engine.style.codebook import Book, Codebook, codebook_of, joined
from worker.engine.style.patches import Exemplar
from worker.engine.style.statistics import LayerStatistics, cross_statistics, layer_statistics

FINGERPRINT_SCALES = (128, 256, 512, 1024)
FORMAT = "atelier-fingerprint-1"
PALETTE = "palette"
PALETTE_PARTS = ("mean", "covariance", "quantiles")
JOIN = "·"  # between two layers' names, the deeper one first: relu2_1·relu1_2

# By layer; correlations by the pair's name.
ScaleStatistics = dict[str, LayerStatistics]


def neighbor_pairs(layers: Collection[str]) -> list[tuple[str, str]]:
    """(deeper, shallower) for each two of `layers` that follow each other in the network."""
    ordered = sorted(layers)  # the names sort as the network does
    return list(zip(ordered[1:], ordered, strict=False))


def pair_name(deeper: str, shallower: str) -> str:
    """The key of a pair's correlations in ScaleStatistics."""
    return deeper + JOIN + shallower


@dataclass(frozen=True)
class Fingerprint:
    """Statistics per scale (longest side of the painting in pixels) and layer, of one extractor's activations.

    Palette and codebook are missing from files of earlier versions. A blend has each one's codebook, with its share.
    Exemplars, likewise, are in no file: they are put there where the painting's own pixels are needed.
    """

    extractor: str
    weights_hash: str
    scales: dict[int, ScaleStatistics]
    pooling: Pooling = "average"
    palette: Palette | None = None
    codebooks: tuple[tuple[Codebook, float], ...] = ()
    exemplars: tuple[tuple[Exemplar, float], ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """What each scale holds: its layers, then the pairs of layers whose correlations are there."""
        return tuple(next(iter(self.scales.values())))

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers, shallow to deep."""
        return tuple(key for key in self.keys if JOIN not in key)

    def covers(
        self,
        layers: Collection[str],
        pooling: Pooling = "average",
        correlations: bool = False,
        cells: bool = False,
        exemplar: bool = False,
    ) -> bool:
        """Whether all is here that an objective over `layers` asks for: correlations, cells and pixels if asked."""
        pairs = [pair_name(*pair) for pair in neighbor_pairs(layers)] if correlations else []
        is_there = self.pooling == pooling and {*layers, *pairs} <= set(self.keys)
        return is_there and bool(self.codebooks or not cells) and bool(self.exemplars or not exemplar)

    def book(self, scale: float) -> Book:
        """The cells at any scale, of all paintings that were blended."""
        return joined([(codebook.at(scale), share) for codebook, share in self.codebooks])

    def at(self, scale: float) -> ScaleStatistics:
        """Statistics at any scale: stored, interpolated linearly in log scale, or the nearest end's."""
        parts = between(self.scales, scale)
        if len(parts) == 1:
            return self.scales[parts[0][0]]
        return {key: _mixed([(self.scales[known][key], share) for known, share in parts]) for key in self.keys}

    def check(self, extractor: Extractor) -> None:
        """Raise FingerprintMismatchError unless this fingerprint was made with `extractor` and its very weights."""
        if (self.extractor, self.weights_hash) != (extractor.name, extractor.weights_hash):
            raise FingerprintMismatchError(
                f"The fingerprint was made with {self.extractor} (weights {self.weights_hash[:12]}), "
                f"not with {extractor.name} (weights {extractor.weights_hash[:12]})."
            )

    def save(self, path: Path) -> None:
        """Write float16 matrices, each divided by its largest entry so that no value overflows.

        Of a layer's own moment only the upper triangle is kept, of a pair's all.
        """
        tensors: dict[str, Tensor] = {}
        for scale, statistics in self.scales.items():
            for key, (mean, moment) in statistics.items():
                upper = torch.triu_indices(*moment.shape, device=moment.device)
                kept = moment if JOIN in key else moment[upper[0], upper[1]]
                for part, values in (("mean", mean), ("moment", kept)):
                    largest = values.abs().max().clamp_min(1e-12)
                    tensors[f"{scale}.{key}.{part}"] = (values / largest).half().cpu().contiguous()
                    tensors[f"{scale}.{key}.{part}.largest"] = largest.float().cpu().reshape(1)
        if self.palette:
            tensors |= _palette_tensors(self.palette)
        for codebook, _ in self.codebooks:
            tensors |= codebook.tensors()
        metadata = {"format": FORMAT, "extractor": self.extractor, "weights_hash": self.weights_hash}
        metadata |= {"scales": json.dumps(sorted(self.scales)), "keys": json.dumps(self.keys), "pooling": self.pooling}
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
            # The fingerprints that ship are from before other layers and poolings could be asked for.
            keys = json.loads(metadata.get("keys", json.dumps(STYLE_LAYERS)))
            scales = {
                scale: {key: _read_statistics(file, scale, key, extractor.device) for key in keys}
                for scale in json.loads(metadata["scales"])
            }
            read: Callable[[str], Tensor] = file.get_tensor
            has_palette = f"{PALETTE}.mean" in file.keys()  # noqa: SIM118 - no dictionary
            palette = Palette(*(read(f"{PALETTE}.{part}") for part in PALETTE_PARTS)) if has_palette else None
            of_cells = {name: read(name) for name in file.keys() if name.split(".")[0] in ("cells", "basis")}  # noqa: SIM118
            codebook = Codebook.from_tensors(of_cells, extractor.basis)
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FingerprintFormatError(f"{path} is damaged: {error}") from error
    pooling = cast(Pooling, metadata.get("pooling", "average"))
    codebooks = ((codebook, 1.0),) if codebook else ()
    fingerprint = Fingerprint(metadata["extractor"], metadata["weights_hash"], scales, pooling, palette, codebooks)
    fingerprint.check(extractor)
    return fingerprint


def add_palette(path: Path, painting: Image.Image) -> None:
    """Put a painting's palette into a fingerprint's file; all else stays as it is, to the byte."""
    with safe_open(path, framework="pt") as file:
        scales = json.loads(file.metadata()["scales"])
    _add(path, _palette_tensors(_palette_at(painting, max(scales))))


def add_codebook(path: Path, painting: Image.Image, extractor: Extractor) -> None:
    """Put a painting's codebook into a fingerprint's file; all else stays as it is, to the byte."""
    _add(path, codebook_of(painting, extractor).tensors())


def _add(path: Path, tensors: dict[str, Tensor]) -> None:
    with safe_open(path, framework="pt") as file:
        metadata: dict[str, str] = file.metadata()
    save_file(load_file(path) | tensors, path, metadata=metadata)


def _palette_tensors(palette: Palette) -> dict[str, Tensor]:
    return {f"{PALETTE}.{part}": getattr(palette, part).cpu().contiguous() for part in PALETTE_PARTS}


def _palette_at(painting: Image.Image, scale: int) -> Palette:
    """The palette of the very pixels that are measured at `scale`."""
    size = fitted_size(painting.size, scale)
    return palette_of(painting.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def _read_statistics(file: safe_open, scale: int, key: str, device: torch.device) -> LayerStatistics:
    def values(part: str) -> Tensor:
        read: Callable[[str], Tensor] = file.get_tensor
        scaled = read(f"{scale}.{key}.{part}").float() * read(f"{scale}.{key}.{part}.largest")
        return scaled.to(device)

    mean, kept = values("mean"), values("moment")
    if JOIN in key:
        return LayerStatistics(mean, kept)
    moment = torch.zeros(len(mean), len(mean), device=device)
    rows, columns = torch.triu_indices(len(mean), len(mean), device=device)
    moment[rows, columns] = kept
    moment[columns, rows] = kept
    return LayerStatistics(mean, moment)


@torch.no_grad()
def fingerprint_of(
    painting: Image.Image,
    extractor: Extractor,
    scales: Sequence[int] = FINGERPRINT_SCALES,
    layers: Collection[str] = STYLE_LAYERS,
    pooling: Pooling = "average",
    correlations: bool = False,
    cells: bool = True,
    exemplar: bool = False,
) -> Fingerprint:
    """Fingerprint of a painting at those `scales` that do not enlarge it, and at its own if that is between two.

    Only a painting smaller than the smallest scale is enlarged, to that one. With `correlations` the cross moments of
    each two neighbours in `layers` are measured too (see `statistics.cross_moment`), with `cells` its codebook; with
    `exemplar` its pixels are kept.

    Raises:
        ValueError: the extractor has no such layer, or there is no such pooling.
    """
    longest = max(painting.size)
    used = [scale for scale in scales if scale <= longest] or [min(scales)]
    if used[-1] * 1.1 < longest < max(scales):
        used.append(longest)
    statistics: dict[int, ScaleStatistics] = {}
    for scale in used:
        taps = extractor(to_tensor(painting, fitted_size(painting.size, scale)), layers, pooling)
        statistics[scale] = {layer: layer_statistics(activations) for layer, activations in taps.items()}
        if correlations:
            for pair in neighbor_pairs(layers):
                statistics[scale][pair_name(*pair)] = cross_statistics(*(taps[layer] for layer in pair))
    codebooks = ((codebook_of(painting, extractor, pooling), 1.0),) if cells else ()
    exemplars = ((Exemplar.of(painting), 1.0),) if exemplar else ()
    palette = _palette_at(painting, max(statistics))
    return Fingerprint(extractor.name, extractor.weights_hash, statistics, pooling, palette, codebooks, exemplars)


def blend(parts: Sequence[tuple[Fingerprint, float]]) -> Fingerprint:
    """One fingerprint from several with positive weights: the weighted mean of their statistics at every scale.

    It holds the layers that all of them hold.

    Their palettes are mixed too, if all have one; codebooks are put together, to be used by their shares.

    Source: jcjohnson/neural-style averages the Gram matrices of several paintings alike; means are averaged too.

    Raises:
        ValueError: no parts, or weights that are not positive.
        FingerprintMismatchError: the parts come from different extractors or poolings, or have no layer in common.
    """
    if not parts or any(weight <= 0 for _, weight in parts):
        raise ValueError("blending needs at least one fingerprint, and positive weights")
    first = parts[0][0]
    if any((each.extractor, each.weights_hash) != (first.extractor, first.weights_hash) for each, _ in parts):
        raise FingerprintMismatchError("Fingerprints of different extractors cannot be blended.")
    keys = [key for key in first.keys if all(key in each.keys for each, _ in parts)]
    if not keys or any(each.pooling != first.pooling for each, _ in parts):
        raise FingerprintMismatchError("Fingerprints without a common layer and pooling cannot be blended.")
    if len(parts) == 1:
        return first
    total = sum(weight for _, weight in parts)
    scales: dict[int, ScaleStatistics] = {}
    for scale in sorted({scale for each, _ in parts for scale in each.scales}):
        at_scale = [(each.at(scale), weight / total) for each, weight in parts]
        scales[scale] = {key: _mixed([(each[key], share) for each, share in at_scale]) for key in keys}
    palettes = [(each.palette, weight / total) for each, weight in parts if each.palette]
    palette = mixed_palette(palettes) if len(palettes) == len(parts) else None
    books = [(codebook, share * weight / total) for each, weight in parts for codebook, share in each.codebooks]
    codebooks = tuple(books) if all(each.codebooks for each, _ in parts) else ()
    pictures = [(exemplar, share * weight / total) for each, weight in parts for exemplar, share in each.exemplars]
    exemplars = tuple(pictures) if all(each.exemplars for each, _ in parts) else ()
    return Fingerprint(first.extractor, first.weights_hash, scales, first.pooling, palette, codebooks, exemplars)


def _mixed(parts: Sequence[tuple[LayerStatistics, float]]) -> LayerStatistics:
    mean = torch.stack([statistics.mean * share for statistics, share in parts]).sum(0)
    moment = torch.stack([statistics.moment * share for statistics, share in parts]).sum(0)
    return LayerStatistics(mean, moment)
