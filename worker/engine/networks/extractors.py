"""Convolutional networks whose activations define content and style, reached by the field's layer names.

`compact` is trained by this project and lies under models/; `vgg19` and `vgg16` are torchvision's, which weights.py
downloads once into a cache.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from worker.engine.errors import ExtractorUnavailableError
from worker.engine.networks.basis import Basis
from worker.engine.networks.decoder import Decoder, load_decoder
from worker.engine.networks.operators import POOLINGS, Pooling, conv_relu, is_onednns, mirrored, pooled

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")  # Gatys et al. 2015, section "Methods"
CONTENT_LAYER = "relu4_2"
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")

POOL = "pool"
# The name of a group of convolutions (the layer that ends it), then their widths. Weights are stored by group.
Blocks = tuple[tuple[str, tuple[int | str, ...]], ...]
COMPACT_BLOCKS: Blocks = (
    ("relu1_1", (16,)),
    ("relu2_1", (16, POOL, 32)),
    ("relu3_1", (40, POOL, 64)),
    ("relu4_1", (64, 64, 64, POOL, 128)),
    ("relu4_2", (128,)),
    ("relu5_1", (128, 128, POOL, 128)),
)
VGG19_BLOCKS: Blocks = (
    ("relu1_1", (64,)),
    ("relu2_1", (64, POOL, 128)),
    ("relu3_1", (128, POOL, 256)),
    ("relu4_1", (256, 256, 256, POOL, 512)),
    ("relu4_2", (512,)),
    ("relu5_1", (512, 512, POOL, 512)),
    ("relu5_4", (512, 512, 512)),
)
VGG16_BLOCKS: Blocks = (
    ("relu1_1", (64,)),
    ("relu2_1", (64, POOL, 128)),
    ("relu3_1", (128, POOL, 256)),
    ("relu4_1", (256, 256, POOL, 512)),
    ("relu4_2", (512,)),
    ("relu5_1", (512, POOL, 512)),
    ("relu5_3", (512, 512)),
)
VGG_BLOCKS = {"vgg19": VGG19_BLOCKS, "vgg16": VGG16_BLOCKS}

COMPACT_FILE = "compact.safetensors"
COMPACT_BASIS_FILE = "compact-basis.safetensors"
DECODER_FILE = "decoder.safetensors"  # of compact's activations


class Step(NamedTuple):
    """One convolution: its layer's name, its group and place in it, and whether pooling follows."""

    layer: str
    group: str
    place: int
    pool: bool


def steps_of(blocks: Blocks) -> tuple[Step, ...]:
    """The convolutions of `blocks` in order; relu2_1 is the first one after the first pooling."""
    steps: list[Step] = []
    level, number = 1, 0
    for group, widths in blocks:
        place = 0
        for width in widths:
            if width == POOL:
                steps[-1] = steps[-1]._replace(pool=True)
                level, number = level + 1, 0
            else:
                number += 1
                steps.append(Step(f"relu{level}_{number}", group, place, pool=False))
                place += 1
    return tuple(steps)


def geometry(layer: str, layers: Sequence[str]) -> tuple[int, int]:
    """(stride, receptive field) in pixels of one of a VGG's `layers`: 3×3 convolutions, 2×2 pooling between blocks."""
    stride = field = 1
    for before, name in zip((None, *layers), layers, strict=False):
        if before and before.split("_")[0] != name.split("_")[0]:
            field += stride
            stride *= 2
        field += 2 * stride
        if name == layer:
            return stride, field
    raise ValueError(f"there is no {layer} among {', '.join(layers)}")


class VggShaped(nn.Module):
    """3×3 convolutions with reflection padding and ReLU, 2×2 pooling between blocks, tapped by layer name.

    The weights are taken to be frozen; `training.distill` overrides `convolve` to train them.
    """

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self.plan = blocks
        self.steps = steps_of(blocks)
        self.blocks = nn.ModuleDict()
        width_in = 3
        for group, widths in blocks:
            convolutions = nn.ModuleList()
            for width in widths:
                if isinstance(width, int):
                    convolutions.append(nn.Conv2d(width_in, width, 3))
                    width_in = width
            self.blocks[group] = convolutions

    def convolution(self, step: Step) -> nn.Conv2d:
        """The convolution of a step, with its weights."""
        return cast(nn.Conv2d, cast(nn.ModuleList, self.blocks[step.group])[step.place])

    def convolve(self, x: Tensor, convolution: nn.Conv2d, pool: bool) -> Tensor:
        """One convolution with its ReLU, and average pooling behind it if `pool`."""
        return conv_relu(x, convolution.weight, convolution.bias, pool, getattr(convolution, "mirrored", None))  # type: ignore[arg-type]

    def forward(self, x: Tensor, layers: Collection[str] = LAYERS, pooling: Pooling = "average") -> dict[str, Tensor]:
        """Activations {layer name: [B, C, h, w]} of images [B, 3, H, W], before the pooling that may follow them."""
        return dict(self.walk(x, layers, pooling))

    def walk(self, x: Tensor, layers: Collection[str], pooling: Pooling) -> Iterator[tuple[str, Tensor]]:
        """The same one after the other, each before the next is computed."""
        for step, is_tap, is_last in self._needed(layers):
            pools = step.pool and not is_last
            fused = pools and pooling == "average" and not is_tap
            x = self.convolve(x, self.convolution(step), pool=fused)
            if is_tap:
                yield step.layer, x
            if pools and not fused:
                x = pooled(x, pooling)

    def _needed(self, layers: Collection[str]) -> Iterator[tuple[Step, bool, bool]]:
        """The steps up to the deepest of `layers`, each with whether it is tapped and whether it is the last."""
        taps = [step.layer in layers for step in self.steps]
        last = max((index for index, is_tap in enumerate(taps) if is_tap), default=-1)
        for index in range(last + 1):
            yield self.steps[index], taps[index], index == last


class Extractor:
    """A frozen network with its name, the hash of its weights, its device and the dtype it computes in.

    Attributes:
        layers: the names of all its convolutions' layers, shallow to deep.
        channels: layer name → its activations' channels.
        basis: of codebooks that ship without one of their own, if there is one.
        decoder: that draws what its activations say, if there is one.
    """

    def __init__(
        self,
        name: str,
        network: VggShaped,
        weights_hash: str,
        device: torch.device,
        dtype: torch.dtype,
        basis: Basis | None = None,
        decoder: Decoder | None = None,
    ) -> None:
        self.name = name
        self.decoder = decoder
        self.weights_hash = weights_hash
        self.basis = basis
        self.device = device
        self.dtype = dtype
        self.channels = {step.layer: network.convolution(step).out_channels for step in network.steps}
        self.layers = tuple(self.channels)
        network = network.to(device=device, dtype=dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network = network.requires_grad_(False)
        for step in network.steps:
            convolution = network.convolution(step)
            convolution.register_buffer("mirrored", mirrored(convolution.weight), persistent=False)

    def __call__(
        self, images: Tensor, layers: Collection[str] | None = None, pooling: Pooling = "average"
    ) -> dict[str, Tensor]:
        """Activations {layer name: [B, C, h, w]} in `dtype` of images [B, 3, H, W] in [0, 1], shallow to deep.

        `layers` are those of LAYERS unless others are named; nothing behind the deepest is computed. For `pooling` see
        `operators.pooled`.

        Raises:
            ValueError: the extractor has no such layer, or there is no such pooling.
        """
        return dict(self.walk(images, LAYERS if layers is None else layers, pooling))

    def walk(
        self, images: Tensor, layers: Collection[str], pooling: Pooling = "average"
    ) -> Iterator[tuple[str, Tensor]]:
        """The same one after the other, each before the next is computed.

        What is made of a layer at once finds it in the processor's cache, on the way back as well: autograd takes last
        what was made first.
        """
        self.check(layers, pooling)
        pixels = images.to(device=self.device, dtype=self.dtype, memory_format=torch.channels_last)
        return self.network.walk(pixels, layers, pooling)

    def down_to(self, layers: Collection[str]) -> tuple[str, ...]:
        """All layers that are computed for these, down to the deepest of them."""
        return self.layers[: max(map(self.layers.index, layers)) + 1]

    def check(self, layers: Collection[str], pooling: str = "average") -> None:
        """Raise ValueError unless there are such layers, and such a pooling."""
        unknown = [layer for layer in layers if layer not in self.layers]
        if unknown:
            raise ValueError(f"{self.name} has no layer {', '.join(unknown)}; it has {', '.join(self.layers)}")
        if pooling not in POOLINGS:
            raise ValueError(f"there is no pooling {pooling!r}; there are {', '.join(POOLINGS)}")


def fastest_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it in hardware, and oneDNN may use that, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    is_fast = torch.cpu._is_avx512_bf16_supported() and is_onednns(torch.bfloat16)
    return torch.bfloat16 if is_fast else torch.float32


def load_extractor(
    name: str, models_dir: Path, cache_dir: Path, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> Extractor:
    """Load `compact` (from `models_dir`), `vgg19` or `vgg16` (from `cache_dir`), or `auto`.

    `auto` is `vgg19` only where CUDA and the weights are both there, else `compact`. `device` defaults to CUDA where
    there is one, `dtype` to the fastest that the device computes in hardware.

    Raises:
        ExtractorUnavailableError: the weights are not there or damaged; the message says how to get them.
        ValueError: there is no extractor of that name.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype or fastest_dtype(device)
    if name == "auto":
        name = "vgg19" if device.type == "cuda" and vgg_path("vgg19", cache_dir).exists() else "compact"
    if name == "compact":
        return _loaded(name, VggShaped(COMPACT_BLOCKS), models_dir / COMPACT_FILE, device, dtype)
    if name not in VGG_BLOCKS:
        raise ValueError(f"no extractor is called {name!r}; there are compact, vgg19, vgg16 and auto")
    path = vgg_path(name, cache_dir)
    if not path.exists():
        raise ExtractorUnavailableError(
            f"The weights of {name} are not in {cache_dir}. Fetch them once with `atelier fetch {name}` (a download of "
            "more than 500 MB, of which at most 80 MB are kept), or choose the extractor `compact`, which needs no "
            "download."
        )
    return _loaded(name, Vgg(name), path, device, dtype)


def vgg_path(name: str, cache_dir: Path) -> Path:
    """Where the kept features of `vgg19` or `vgg16` lie."""
    return cache_dir / f"{name}-features.safetensors"


def _loaded(name: str, network: VggShaped, path: Path, device: torch.device, dtype: torch.dtype) -> Extractor:
    again = f"Fetch it again with `atelier fetch {name}`." if name in VGG_BLOCKS else "Restore it from the package."
    try:
        weights = load_file(path)
        missing = sorted(set(network.state_dict()) - set(weights))
        if missing:
            raise ExtractorUnavailableError(f"{path} is incomplete: it lacks {len(missing)} tensors. {again}")
        network.load_state_dict(weights)
        shared = path.with_name(COMPACT_BASIS_FILE)
        basis = Basis.from_tensors(load_file(shared)) if name == "compact" and shared.exists() else None
        weights_hash = hashlib.sha256(path.read_bytes()).hexdigest()
        decoder = load_decoder(path.with_name(DECODER_FILE), weights_hash, device, dtype)
    except FileNotFoundError as error:
        raise ExtractorUnavailableError(f"{path} is missing: the checkout or the package is incomplete.") from error
    except (SafetensorError, KeyError, RuntimeError, OSError) as error:
        raise ExtractorUnavailableError(f"{path} is damaged ({error}). {again}") from error
    return Extractor(name, network, weights_hash, device, dtype, basis, decoder)


class Vgg(VggShaped):
    """torchvision's VGG-19 or VGG-16, convolutions only, for images in [0, 1]: it normalises them as on ImageNet."""

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self, name: str) -> None:
        super().__init__(VGG_BLOCKS[name])
        self.register_buffer("pixel_mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def walk(self, x: Tensor, layers: Collection[str], pooling: Pooling) -> Iterator[tuple[str, Tensor]]:
        return super().walk((x - self.pixel_mean) / self.pixel_std, layers, pooling)
