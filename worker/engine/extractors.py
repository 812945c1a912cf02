"""Convolutional networks whose activations define content and style, reached by the field's layer names.

`compact` is trained by this project and lies under models/; `vgg19` is torchvision's, downloaded once into a cache.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Literal, cast

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from worker.engine.errors import ExtractorUnavailableError
from worker.engine.operators import conv_relu

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")  # Gatys et al. 2015, section "Methods"
CONTENT_LAYER = "relu4_2"
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")

POOL = "pool"
# The tapped layer, then the widths of the convolutions that lead to it from the tap before.
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
)

VGG19_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
VGG19_SHA256_PREFIX = "dcbb9e9d"
VGG19_FILE = "vgg19-features.safetensors"
COMPACT_FILE = "compact.safetensors"


def _l2_pool(x: Tensor) -> Tensor:
    return F.avg_pool2d(x.square(), 2).clamp_min(EPSILON).sqrt()


Pooling = Literal["max", "average", "l2"]
EPSILON = 1e-12  # the root has no gradient at 0
POOLINGS: dict[Pooling, Callable[[Tensor], Tensor]] = {
    "max": lambda x: F.max_pool2d(x, 2),
    "average": lambda x: F.avg_pool2d(x, 2),
    "l2": _l2_pool,
}


class VggShaped(nn.Module):
    """3×3 convolutions with reflection padding and ReLU, 2×2 pooling between blocks, tapped by layer name.

    Average pooling, as Gatys et al. 2015 recommend: it lets the gradient reach every pixel. The weights are taken to be
    frozen; `training.distill` overrides `convolve` to train them.
    """

    def __init__(self, blocks: Blocks) -> None:
        super().__init__()
        self.plan = blocks
        self.blocks = nn.ModuleDict()
        names: list[tuple[str, bool]] = []  # of each convolution, and whether a pooling comes before it
        width_in, block, place, pooled = 3, 1, 0, False
        for tap, layers in blocks:
            convolutions = nn.ModuleList()
            for width in layers:
                if width == POOL:
                    block, place, pooled = block + 1, 0, True
                    continue
                assert isinstance(width, int)
                convolutions.append(nn.Conv2d(width_in, width, 3))
                width_in, place = width, place + 1
                names.append((f"relu{block}_{place}", pooled))
                pooled = False
            self.blocks[tap] = convolutions
        self.names = names

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all convolutions with their ReLU, shallowest first."""
        return tuple(name for name, _ in self.names)

    def convolutions(self) -> Iterator[nn.Conv2d]:
        """All convolutions in their order."""
        for block in self.blocks.values():
            yield from cast(Iterator[nn.Conv2d], iter(cast(nn.ModuleList, block)))

    def block(self, tap: str, x: Tensor) -> Tensor:
        """Activations of `tap` from those of the tap before (or from images [B, 3, H, W])."""
        layers = dict(self.plan)[tap]
        convolutions: Iterator[nn.Conv2d] = iter(cast(nn.ModuleList, self.blocks[tap]))  # type: ignore[arg-type]
        for layer, following in zip(layers, (*layers[1:], None), strict=True):
            if layer != POOL:
                x = self.convolve(x, next(convolutions), pool=following == POOL)
        return x

    def convolve(self, x: Tensor, convolution: nn.Conv2d, pool: bool) -> Tensor:
        """One convolution with its ReLU, and the average pooling behind it if there is one."""
        return conv_relu(x, convolution.weight, convolution.bias, pool)  # type: ignore[arg-type]

    def forward(self, x: Tensor, layers: Collection[str] = LAYERS, pooling: Pooling = "average") -> dict[str, Tensor]:
        """Activations {layer name: [B, C, h, w]} of images [B, 3, H, W], no deeper than the deepest of `layers`."""
        taps: dict[str, Tensor] = {}
        steps = list(zip(self.names, (*self.names[1:], ("", False)), self.convolutions(), strict=True))
        for (name, _), (_, pools), convolution in steps:
            fused = pools and pooling == "average" and name not in layers
            x = self.convolve(x, convolution, pool=fused)
            if name in layers:
                taps[name] = x
                if len(taps) == len(layers):
                    break
            if pools and not fused:
                x = POOLINGS[pooling](x)
        return {layer: taps[layer] for layer in layers}


class Extractor:
    """A frozen network with its name, the hash of its weights, its device and the dtype it computes in."""

    def __init__(
        self, name: str, network: nn.Module, weights_hash: str, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.name = name
        self.weights_hash = weights_hash
        self.device = device
        self.dtype = dtype
        network = network.to(device=device, dtype=dtype).to(memory_format=torch.channels_last)
        self.network = network.requires_grad_(False)

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all layers that can be asked for, shallowest first."""
        return cast(VggShaped, self.network).layers

    def __call__(
        self, images: Tensor, layers: Collection[str] = LAYERS, pooling: Pooling = "average"
    ) -> dict[str, Tensor]:
        """Activations {layer name: [B, C, h, w]} in `dtype` of images [B, 3, H, W] in [0, 1].

        Raises:
            ValueError: it has no such layer.
        """
        unknown = [layer for layer in layers if layer not in self.layers]
        if unknown:
            raise ValueError(f"{self.name} has no {unknown[0]}; it has {', '.join(self.layers)}")
        images = images.to(device=self.device, dtype=self.dtype, memory_format=torch.channels_last)
        return self.network(images, layers, pooling)  # type: ignore[no-any-return]


def fastest_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 where the processor multiplies it in hardware, else float32."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def load_extractor(
    name: str, models_dir: Path, cache_dir: Path, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> Extractor:
    """Load `compact` (from `models_dir`), `vgg19` (from `cache_dir`) or `auto`.

    `auto` is `vgg19` only where CUDA and the weights are both there, else `compact`. `device` defaults to CUDA where
    there is one, `dtype` to the fastest that the device computes in hardware.

    Raises:
        ExtractorUnavailableError: the weights are not there or damaged; the message says how to get them.
        ValueError: there is no extractor of that name.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = dtype or fastest_dtype(device)
    vgg19_path = cache_dir / VGG19_FILE
    if name == "auto":
        name = "vgg19" if device.type == "cuda" and vgg19_path.exists() else "compact"
    if name == "compact":
        return _load(name, VggShaped(COMPACT_BLOCKS), models_dir / COMPACT_FILE, device, dtype)
    if name == "vgg19":
        if not vgg19_path.exists():
            raise ExtractorUnavailableError(
                f"VGG-19's weights are not in {cache_dir}. Fetch them once with `atelier fetch-vgg19` (575 MB "
                "download, 52 MB kept), or choose the extractor `compact`, which needs no download."
            )
        return _load(name, _Vgg19(), vgg19_path, device, dtype)
    raise ValueError(f"no extractor is called {name!r}; there are compact, vgg19 and auto")


def _load(name: str, network: nn.Module, path: Path, device: torch.device, dtype: torch.dtype) -> Extractor:
    try:
        weights = load_file(path)
        network.load_state_dict(weights)
    except FileNotFoundError as error:
        raise ExtractorUnavailableError(f"{path} is missing: the checkout or the package is incomplete.") from error
    except (SafetensorError, RuntimeError, OSError) as error:
        raise ExtractorUnavailableError(f"{path} is damaged ({error}). Delete it and fetch it again.") from error
    return Extractor(name, network, hashlib.sha256(path.read_bytes()).hexdigest(), device, dtype)


class _Vgg19(VggShaped):
    """torchvision's VGG-19 up to relu5_1, for images in [0, 1] (its ImageNet normalisation is done here)."""

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(self) -> None:
        super().__init__(VGG19_BLOCKS)
        self.register_buffer("pixel_mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("pixel_std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1), persistent=False)

    def forward(self, x: Tensor, layers: Collection[str] = LAYERS, pooling: Pooling = "average") -> dict[str, Tensor]:
        return super().forward((x - self.pixel_mean) / self.pixel_std, layers, pooling)


def fetch_vgg19(
    cache_dir: Path,
    report: Callable[[int, int], None] | None = None,
    url: str = VGG19_URL,
    sha256_prefix: str = VGG19_SHA256_PREFIX,
) -> Path:
    """Download torchvision's `VGG19_Weights.IMAGENET1K_V1`, check its hash and keep the features as safetensors.

    `report(done_bytes, total_bytes)` is called as the download goes on; the total is 0 where the server does not say.

    Raises:
        ExtractorUnavailableError: no connection, a broken download, or a file with another hash.
    """
    target = cache_dir / VGG19_FILE
    if target.exists():
        return target
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_dir) as folder:
        downloaded = Path(folder) / "vgg19.pth"
        digest = _download(url, downloaded, report)
        if not digest.startswith(sha256_prefix):
            raise ExtractorUnavailableError(
                f"The file from {url} is not VGG-19's: its SHA-256 begins with {digest[:8]} instead of "
                f"{sha256_prefix}. "
                "Nothing was kept; try again, or ask your network's owner what sits in between."
            )
        # torch.load also refuses a legacy pickle's code: weights_only admits tensors and nothing else.
        features = torch.load(downloaded, map_location="cpu", weights_only=True)
        partial = Path(folder) / VGG19_FILE
        save_file(_by_tap(features), partial, metadata={"source": url, "sha256": digest})
        os.replace(partial, target)
    return target


def _download(url: str, path: Path, report: Callable[[int, int], None] | None) -> str:
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=30) as response, path.open("wb") as file:
            total, done = int(response.headers.get("Content-Length") or 0), 0
            while chunk := response.read(1 << 20):
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                if report:
                    report(done, total)
    except (urllib.error.URLError, OSError) as error:
        raise ExtractorUnavailableError(
            f"VGG-19's weights could not be fetched from {url}: {error}. Check the connection and try again."
        ) from error
    return digest.hexdigest()


def _by_tap(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's `features.N.weight` in order, renamed to this module's `blocks.reluX_Y.N.weight`."""
    indices = sorted({int(key.split(".")[1]) for key in state if key.startswith("features.")})
    renamed = {}
    source = iter(indices)
    for tap, layers in VGG19_BLOCKS:
        convolutions = [layer for layer in layers if layer != POOL]
        for position in range(len(convolutions)):
            index = next(source)
            for part in ("weight", "bias"):
                renamed[f"blocks.{tap}.{position}.{part}"] = state[f"features.{index}.{part}"].contiguous()
    return renamed


def read_metadata(path: Path) -> dict[str, str]:
    """Metadata of a safetensors file, without its tensors."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})
