"""What an evaluation asks of a GPU, shown without one on torch's device `meta`, whose tensors have no numbers.

To read one on the host is an error there, as is an operator on tensors of two devices. So the host never waits for the
device within an evaluation and a step, and nothing moves between the two: conditions for capturing an evaluation in a
CUDA graph. Values are not computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from tests.worker.engine.conftest import MODELS
from worker.engine import Extractor, PaintOptions, load_extractor
from worker.engine.brief import Brief
from worker.engine.descent.lbfgs import LBFGS
from worker.engine.descent.optimize import evaluated
from worker.engine.memory.spill import Spill
from worker.engine.networks.extractors import geometry
from worker.engine.objective import Objective, Part, Targets
from worker.engine.presets import PRESET_NAMES, PresetName
from worker.engine.style.cells import CELL, widths
from worker.engine.style.codebook import Book
from worker.engine.style.fingerprint import ScaleStatistics, neighbor_pairs, pair_name
from worker.engine.style.match import CellPart
from worker.engine.style.patches import Patches, PatchPart
from worker.engine.style.statistics import LayerStatistics

GPU = torch.device("meta")
HEIGHT, WIDTH = 80, 112


class Moves(TorchDispatchMode):
    """Notes every operator that takes tensors of one device and returns them, or writes them, on another."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch leaves it without types
        self.seen = 0
        self.between: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        self.seen += 1
        tensors = [each for each in tree_leaves((args, kwargs, found)) if isinstance(each, Tensor)]
        # A number that the host knows already goes along with the kernel.
        if len({each.device.type for each in tensors if each.dim() or "copy" in str(func)}) > 1:
            self.between.append(str(func))
        return found


@pytest.fixture
def on_gpu() -> Extractor:
    return load_extractor("compact", MODELS, MODELS, GPU, torch.bfloat16)


def objective_of(preset: PresetName, extractor: Extractor, with_masks: bool) -> Objective:
    brief = Brief.of((WIDTH, HEIGHT), PaintOptions(preset=preset), extractor)
    style = brief.style_weights
    photo = torch.zeros(1, 3, HEIGHT, WIDTH, dtype=torch.uint8)
    if brief.recipe.kind.matches_cells:
        area = torch.empty(HEIGHT // CELL, WIDTH // CELL, device=GPU)
        cells = [CellPart(book_of(extractor), area)] * (2 if with_masks else 1)
        keep = photo[:, :1] if with_masks else None
        objective = Objective(brief, Targets(photo, keep, cells=cells))
        objective.match(photo, 0.5, 0, [area.to(torch.int16)] * len(cells))
        return objective
    if brief.recipe.kind.matches_patches:
        patch_part = patch_part_of(style, extractor)
        patches = [patch_part] * (2 if with_masks else 1)
        objective = Objective(brief, Targets(photo, photo[:, :1] if with_masks else None, patches=patches))
        entries = [torch.empty_like(each[2:, 2:], dtype=torch.int32) for each in patch_part.areas.values()]
        objective.match(photo, 0.0, 0, entries * len(patches))
        return objective
    if not with_masks:
        return Objective(brief, Targets(photo, parts=[Part(statistics_of(style, extractor))]))
    strides = {layer: geometry(layer, extractor.layers)[0] for layer in style}
    guides = {
        layer: torch.empty(1, 1, HEIGHT // stride, WIDTH // stride, device=GPU) for layer, stride in strides.items()
    }
    parts = [Part(statistics_of(style, extractor), 0.5, guides), Part(statistics_of(style, extractor), 0.5, guides)]
    return Objective(brief, Targets(photo, photo[:, :1], parts))


def book_of(extractor: Extractor, count: int = 40) -> Book:
    columns = sum(widths(extractor))
    sizes = ((count, 64), (columns, 64), (count, 3), (count,), (count,), (1, columns), (1,))
    codes, directions, colors, masses, sources, means, shares = (torch.empty(size, device=GPU) for size in sizes)
    return Book(codes, directions, colors, masses, sources.long(), means, shares)


def patch_part_of(style: Mapping[str, float], extractor: Extractor, count: int = 40) -> PatchPart:
    strides = {layer: geometry(layer, extractor.layers)[0] for layer in style}
    areas = {layer: torch.empty(HEIGHT // stride, WIDTH // stride, device=GPU) for layer, stride in strides.items()}
    channels = extractor.channels
    values = {layer: torch.empty(count, channels[layer], 9, device=GPU) for layer in style}
    return PatchPart({layer: Patches(each, each[:, 0, 0]) for layer, each in values.items()}, areas)


def statistics_of(style: Mapping[str, float], extractor: Extractor) -> ScaleStatistics:
    def of(deeper: int, shallower: int) -> LayerStatistics:
        return LayerStatistics(torch.empty(deeper, device=GPU), torch.empty(deeper, shallower, device=GPU))

    channels = extractor.channels
    pairs = {pair_name(*pair): of(channels[pair[0]], channels[pair[1]]) for pair in neighbor_pairs(style)}
    return {layer: of(channels[layer], channels[layer]) for layer in style} | pairs


@pytest.mark.parametrize("with_masks", [False, True])
@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_an_evaluation_stays_on_the_gpu(preset: PresetName, with_masks: bool, on_gpu: Extractor) -> None:
    objective = objective_of(preset, on_gpu, with_masks)
    iterate = torch.rand(1, 3, HEIGHT, WIDTH, device=GPU)
    with Moves() as moves:
        loss, gradient = evaluated(objective, iterate)
    assert moves.seen > 100
    assert moves.between == []
    assert (loss.device, gradient.device) == (GPU, GPU)
    assert gradient.shape == (iterate.numel(),)


def test_a_step_of_lbfgs_stays_on_the_gpu() -> None:
    optimizer, iterate = LBFGS(300, 4, GPU), torch.rand(300, device=GPU)
    with Moves() as moves:
        for _ in range(7):
            gradient = torch.rand(300, device=GPU)
            optimizer.step(iterate, gradient, torch.isfinite(gradient.sum()))
    assert moves.seen > 100
    assert moves.between == []


def test_a_history_on_disk_comes_to_the_gpu_in_parts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With fake tensors, some of which lie on the CPU: those of `meta` cannot be copied there."""
    monkeypatch.setattr("worker.engine.memory.spill.STRETCH", 17)
    gpu = torch.device("cuda")
    with FakeTensorMode():
        optimizer, iterate = LBFGS(60, 4, gpu), torch.rand(60, device=gpu)
        optimizer._spill, optimizer._rows = Spill(tmp_path), torch.zeros(2 + 2 * 4, 60)
        assert len(list(optimizer._parts(60))) == 4
        for _ in range(7):
            gradient = torch.rand(60, device=gpu)
            optimizer.step(iterate, gradient, torch.isfinite(gradient.sum()))
        optimizer.undo(iterate)
    assert (iterate.device.type, optimizer._rows.device.type) == ("cuda", "cpu")


def test_a_number_that_the_host_reads_would_be_found() -> None:
    with pytest.raises(RuntimeError, match="meta"):
        float(torch.rand((), device=GPU))
    with Moves() as moves:
        torch.rand(3).to(GPU)
    assert moves.between
