import pytest
import torch
from PIL import Image

from tests.worker.engine.conftest import MODELS, draw_painting
from worker.engine import Extractor, Fingerprint, PaintOptions, Scene, fingerprint_of, load_extractor
from worker.engine.descent.optimize import evaluated
from worker.engine.graphs import captured, graphed_if_possible
from worker.engine.images import to_tensor
from worker.engine.objective import Objective, Workspace


def objective_of(photo: Image.Image, style: Fingerprint, extractor: Extractor, preset: str = "studio") -> Objective:
    scene, options = Scene.of(photo, style), PaintOptions(preset=preset, size=96)  # type: ignore[arg-type]
    return scene.objective((96, 72), scene.brief(options, extractor))


def test_a_processor_evaluates_the_objective_itself(
    photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    objective = objective_of(photo, style, extractor)
    assert captured(objective, torch.rand(1, 3, 72, 96), 500) is objective


@pytest.mark.skipif(torch.cuda.is_available(), reason="here it does not fail")
def test_where_no_graph_can_be_captured_the_objective_itself_is_evaluated(
    photo: Image.Image, style: Fingerprint, extractor: Extractor, caplog: pytest.LogCaptureFixture
) -> None:
    objective = objective_of(photo, style, extractor)
    assert graphed_if_possible(objective, torch.rand(1, 3, 72, 96)) is objective
    assert "no CUDA graph" in caplog.text


def test_what_the_host_takes_part_in_is_not_captured(
    photo: Image.Image, style: Fingerprint, extractor: Extractor
) -> None:
    objective = objective_of(photo, style, extractor)
    assert objective.is_static
    scene = Scene.of(photo, style)
    brief = scene.brief(PaintOptions(size=320), extractor)
    in_tiles = scene.objective((320, 240), brief, workspace=Workspace(128))
    assert not in_tiles.is_static
    assert not objective_of(photo, style, extractor, "multiscale-w2").is_static


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_graph_follows_the_iterate(photo: Image.Image) -> None:
    extractor = load_extractor("compact", MODELS, MODELS)
    objective = objective_of(photo, fingerprint_of(draw_painting(), extractor), extractor)
    graphed = captured(objective, torch.rand(1, 3, 72, 96, device=extractor.device), 500)
    assert graphed is not objective
    for start in (to_tensor(photo, (96, 72)), torch.rand(1, 3, 72, 96)):
        iterate = start.to(extractor.device)
        for found, expected in zip(evaluated(graphed, iterate), evaluated(objective, iterate), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-2, atol=1e-6)
