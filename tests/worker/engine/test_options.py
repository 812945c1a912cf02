import pytest

from worker.engine import Extractor, PaintOptions, needs
from worker.engine.networks.extractors import STYLE_LAYERS
from worker.engine.options import layer_weights, recipe
from worker.engine.presets import PRESETS


@pytest.mark.parametrize(
    "bad",
    [
        {"size": 63},
        {"size": 8193},
        {"strength": 0.0},
        {"brush": 9.0},
        {"smoothing": -1.0},
        {"seed": -1},
        {"keep_colors": 1.5},
        {"feather": 0.2},
        {"iterations": 0},
        {"output_size": 9000},
        {"preset": "impressionist"},
        {"pooling": "median"},
        {"content_layers": {}},
        {"style_layers": {"relu1_1": -1.0, "relu2_1": 2.0}},
        {"style_layers": {"relu1_1": float("nan")}},
        {"color_when": "before"},
    ],
)
def test_options_out_of_range_are_refused_by_name(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        PaintOptions(**bad)  # type: ignore[arg-type]


def test_a_layer_that_the_extractor_lacks_is_refused_with_those_that_it_has(extractor: Extractor) -> None:
    options = PaintOptions(content_layers={"relu5_4": 1.0})
    with pytest.raises(ValueError, match=r"content_layers: compact has no layer relu5_4; it has relu1_1, .*relu5_1"):
        layer_weights(recipe(options), options, extractor)


def test_a_presets_content_layer_below_the_extractors_end_becomes_its_deepest(extractor: Extractor) -> None:
    options = PaintOptions(preset="inetwork-paper")
    content, style = layer_weights(recipe(options), options, extractor)
    assert content == {"relu5_1": 1.0}
    assert tuple(style) == extractor.layers


def test_needs_are_those_of_the_preset_and_of_what_was_asked_instead(extractor: Extractor) -> None:
    assert needs(PaintOptions(), extractor) == ((), "average", False, True, False)
    assert needs(PaintOptions(preset="seed"), extractor) == (STYLE_LAYERS, "average", False, False, False)
    assert needs(PaintOptions(preset="inetwork-paper"), extractor) == (extractor.layers, "max", True, False, False)
    assert needs(PaintOptions(preset="mrf"), extractor) == ((), "average", False, False, True)
    asked = PaintOptions(preset="inetwork-paper", style_layers={"relu2_2": 2.0, "relu3_1": 0.0}, pooling="l2")
    assert needs(asked, extractor) == (("relu2_2",), "l2", False, False, False)


def test_asked_layer_weights_are_shares_so_that_strength_alone_says_how_much() -> None:
    asked = recipe(PaintOptions(style_layers={"relu1_1": 3.0, "relu4_1": 1.0}))
    assert asked.style_layers == {"relu1_1": 0.75, "relu4_1": 0.25}
    assert asked.style_weight == PRESETS["studio"].style_weight


def test_layers_that_cells_have_not_are_compared_by_gram_matrices_as_in_earlier_releases(extractor: Extractor) -> None:
    options = PaintOptions(style_layers={"relu1_1": 1.0, "relu5_1": 1.0})
    assert recipe(options).style_loss == "relative-gram"
    assert needs(options, extractor) == (("relu1_1", "relu5_1"), "average", False, False, False)
    assert recipe(PaintOptions(style_layers={"relu1_1": 1.0, "relu5_1": 0.0})).style_loss == "nearest"


def test_another_optimizer_takes_its_own_step() -> None:
    assert recipe(PaintOptions(optimizer="adam")).learning_rate == 0.02
    assert recipe(PaintOptions(preset="multiscale-w2", optimizer="lbfgs")).learning_rate == 1.0
    assert recipe(PaintOptions(preset="multiscale-w2", optimizer="adam")).average == 0.99


def test_wasserstein_is_of_single_layers_also_where_a_preset_correlates_neighbors() -> None:
    assert recipe(PaintOptions(preset="inetwork-paper")).correlations
    assert not recipe(PaintOptions(preset="inetwork-paper", style_loss="wasserstein")).correlations
