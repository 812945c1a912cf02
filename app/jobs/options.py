"""What can be asked of a painting: the front end's copy of the engine's options, which it must not import.

A test holds names, ranges and choices of both together.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

Preset = Literal[
    "studio",
    "instant",
    "doodle",
    "mrf",
    "gatys-2015",
    "gatys-2016",
    "gatys-code",
    "seed",
    "inetwork-as-shipped",
    "inetwork-paper",
    "multiscale-w2",
]
Quality = Literal["draft", "good", "best"]
ColorMethod = Literal["luminance", "histogram", "linear", "linear-cholesky", "linear-pca"]
Guides = Literal["simple", "inside", "all"]
Start = Literal["photo", "noise", "grey", "artwork"]
ContentScaling = Literal["relative", "half-sse", "mse", "sse", "nst-1", "nst-2"]
StyleLoss = Literal[
    "nearest", "nearest-and-gram", "mrf", "relative-gram", "gram-2015", "gram-code", "gram-nst", "wasserstein"
]  # fmt: skip
Pooling = Literal["max", "average", "l2"]
Optimizer = Literal["lbfgs", "adam"]
Resample = Literal["lanczos", "network", "bicubic", "bilinear", "nearest"]
# How a finished artwork is enlarged where nothing else is said, on its page and in the shell.
ENLARGED_BY: Resample = "network"
Extractor = Literal["auto", "compact", "vgg19", "vgg16"]
# All convolutions of the largest extractor.
Layer = Literal[
    "relu1_1", "relu1_2",
    "relu2_1", "relu2_2",
    "relu3_1", "relu3_2", "relu3_3", "relu3_4",
    "relu4_1", "relu4_2", "relu4_3", "relu4_4",
    "relu5_1", "relu5_2", "relu5_3", "relu5_4",
]  # fmt: skip
LAYERS: tuple[Layer, ...] = get_args(Layer)
LACKING: dict[Extractor, frozenset[str]] = {
    "compact": frozenset({"relu5_2", "relu5_3", "relu5_4"}),
    "vgg16": frozenset({"relu3_4", "relu4_4", "relu5_4"}),
    "vgg19": frozenset(),
}
# Those that style losses of cells compare.
CELL_LAYERS: tuple[Layer, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
PATCH_LAYERS: tuple[Layer, ...] = ("relu3_1", "relu4_1")  # those of whose patches one compares
BOUND: dict[StyleLoss, tuple[Layer, ...]] = {
    "nearest": CELL_LAYERS, "nearest-and-gram": CELL_LAYERS, "mrf": PATCH_LAYERS,
}  # fmt: skip

LEAST_OUTPUT, MOST_OUTPUT = 256, 8192  # pixels
MOST_FIELDS = 100  # more than anything here has


def _no_more_than_there_are(weights: Any) -> Any:
    """Pydantic looks at each entry before it counts them."""
    if isinstance(weights, dict) and len(weights) > len(LAYERS):
        raise ValueError(f"there are {len(LAYERS)} layers, and these are {len(weights)}")
    return weights


LayerWeights = Annotated[
    dict[Layer, Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]],
    Field(min_length=1, max_length=len(LAYERS)),
    BeforeValidator(_no_more_than_there_are),
]
Share = Annotated[
    float,
    Field(ge=0, le=1, allow_inf_nan=False),
    # It was a yes or no before it was a share; both are still understood.
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "boolean", "description": "true is 1"}]}
    ),
]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def is_of_a_sane_size(cls, given: Any) -> Any:
        """Each field that nobody knows would be an error of its own, thousands of them in a request of a few kB."""
        if isinstance(given, dict) and len(given) > MOST_FIELDS:
            raise ValueError(f"{len(given)} fields are more than there are")
        return given


class PaintingOptions(Frozen):
    """How to paint, whatever is painted. The worker hands these fields to the engine by their names.

    What is null is the preset's. The descriptions are the API's, and the shell's help.
    """

    preset: Preset = Field(default="studio", description="which published way to paint")
    size: int = Field(default=1024, ge=256, le=8192, description="longest side in pixels at which is painted")
    strength: float = Field(default=1.0, ge=0.1, le=10, description="more is nearer to the painting")
    brush: float = Field(default=1.0, ge=0.25, le=4, description="size of the strokes; 2 doubles it")
    smoothing: float = Field(default=1.0, ge=0, le=10, description="less grain")
    variety: float = Field(
        default=1.0,
        ge=0,
        le=4,
        description="more is fewer repetitions of one piece of the painting; where cells compare",
    )
    fidelity: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="how strictly each part of a drawing, or of a photo, is painted with its own style alone",
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="another seed is another hand")
    quality: Quality = Field(default="good", description="how many evaluations")
    keep_colors: Share = Field(default=0.0, description="share of the photo's colours")
    color_method: ColorMethod = Field(default="luminance", description="how the photo's colours are kept")
    color_when: Literal["after", "before"] = Field(
        default="after", description="recolour the painted picture, or paint in the painting's own colours before"
    )
    feather: float = Field(
        default=0.01, ge=0, le=0.1, description="softened width of masks' edges, as a share of the longer side"
    )
    guides: Guides = Field(
        default="simple", description="how a mask becomes each layer's guide, after Gatys et al. 2017"
    )
    start: Start | None = Field(default=None, description="what the first stage begins from")
    content_layers: LayerWeights | None = Field(
        default=None, description="weight of each layer in the content loss; not all 0"
    )
    style_layers: LayerWeights | None = Field(
        default=None, description="share of each layer in the style loss; not all 0"
    )
    content_scaling: ContentScaling | None = Field(default=None, description="formula of the content loss")
    style_loss: StyleLoss | None = Field(
        default=None,
        description="formula of the style loss; nearest, which is the studio's, compares cells, mrf patches",
    )
    pooling: Pooling | None = Field(default=None, description="the extractor's pooling")
    optimizer: Optimizer | None = Field(default=None, description="how the pixels are optimised")
    iterations: int | None = Field(
        default=None, ge=1, le=5000, description="evaluations in all, shared over the stages as the preset does"
    )
    min_improvement: float = Field(
        default=0.0, ge=0, le=50, description="a stage ends when 20 evaluations lower the loss by fewer percent"
    )
    output_size: int | None = Field(
        default=None,
        ge=LEAST_OUTPUT,
        le=MOST_OUTPUT,
        description="longest side to which the finished artwork is resampled",
    )
    resample: Resample = Field(
        default="lanczos", description="with which filter it is resampled; network draws what filters leave soft"
    )

    @field_validator("color_when")
    @classmethod
    def luminance_comes_after(cls, when: str, info: ValidationInfo) -> str:
        if when == "before" and info.data.get("color_method") == "luminance":
            raise ValueError("luminance can only be kept after painting; choose another color_method")
        return when

    @field_validator("content_layers", "style_layers")
    @classmethod
    def some_layer_counts(cls, weights: dict[str, float] | None) -> dict[str, float] | None:
        if weights is not None and not any(weights.values()):
            raise ValueError("at least one layer needs a weight above 0")
        return weights

    @field_validator("style_loss")
    @classmethod
    def compares_its_layers(cls, loss: StyleLoss | None, info: ValidationInfo) -> StyleLoss | None:
        asked = {layer for layer, weight in (info.data.get("style_layers") or {}).items() if weight}
        bound = BOUND.get(loss, LAYERS) if loss else LAYERS
        strangers = sorted(asked - set(bound))
        if strangers:
            raise ValueError(f"{loss} compares {', '.join(bound)}, not {strangers[0]}, which style_layers names")
        return loss

    def painting(self) -> dict[str, Any]:
        """The fields that are the engine's, by name."""
        return {name: getattr(self, name) for name in PaintingOptions.model_fields}
