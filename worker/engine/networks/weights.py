"""torchvision's VGG weights: downloaded once, checked, normalised as Gatys et al. do, kept without the classifier."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from worker.engine.errors import DownloadError, ExtractorUnavailableError
from worker.engine.images import fitted_size, to_tensor
from worker.engine.networks.download import Remote, download
from worker.engine.networks.extractors import Step, Vgg, vgg_path

CALIBRATION_SIDE = 512
LIMIT_BYTES = 1 << 30
DOMAINS = ("pytorch.org",)


class Source(NamedTuple):
    """Where weights come from, and how the SHA-256 of the file begins."""

    url: str
    sha256_prefix: str


# torchvision's VGG19_Weights.IMAGENET1K_V1 and VGG16_Weights.IMAGENET1K_V1; the file's name holds its hash.
SOURCES = {
    "vgg19": Source("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth", "dcbb9e9d"),
    "vgg16": Source("https://download.pytorch.org/models/vgg16-397923af.pth", "397923af"),
}


def fetch_weights(
    name: str,
    cache_dir: Path,
    report: Callable[[int, int], None] | None = None,
    url: str | None = None,
    sha256_prefix: str | None = None,
    *,
    calibration: Sequence[Image.Image],
) -> Path:
    """Download `vgg19` or `vgg16` of torchvision, check its hash, and keep the normalised convolutions as safetensors.

    `report(done_bytes, total_bytes)` is called as the download goes on; the total is 0 where the server does not say.
    `calibration` are the pictures over which each layer's mean activation becomes 1 (see `normalize`); without any,
    the weights stay as they are. Weights that are already there are fetched again only if they are not whole; a
    download that was cut off is gone on with.

    Raises:
        ExtractorUnavailableError: no connection, a broken download, a file with another hash or without these layers.
        ValueError: there are no such weights.
    """
    if name not in SOURCES:
        raise ValueError(f"there are no weights {name!r} to fetch; there are {', '.join(SOURCES)}")
    source = Source(url or SOURCES[name].url, sha256_prefix or SOURCES[name].sha256_prefix)
    target = vgg_path(name, cache_dir)
    if _is_whole(target, name):
        return target
    cache_dir.mkdir(parents=True, exist_ok=True)
    downloaded = cache_dir / f"{name}.pth.partial"
    _download(source.url, downloaded, report)
    try:
        _keep(name, source, downloaded, target, calibration)
    except Exception:  # it will not do the next time either; who interrupts this goes on with it
        downloaded.unlink()
        raise
    downloaded.unlink()
    return target


def _download(url: str, path: Path, report: Callable[[int, int], None] | None) -> None:
    try:
        download(Remote(url, LIMIT_BYTES, domains=DOMAINS), path, report)
    except DownloadError as error:
        raise ExtractorUnavailableError(
            f"The weights could not be fetched: {error} Check the connection and try again, which goes on with what "
            "has come; the extractor `compact` needs no download."
        ) from error


def _keep(name: str, source: Source, downloaded: Path, target: Path, calibration: Sequence[Image.Image]) -> None:
    """Check a downloaded file, and write the normalised convolutions of it.

    Raises:
        ExtractorUnavailableError: it is another file.
    """
    with downloaded.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(source.sha256_prefix):
        raise ExtractorUnavailableError(
            f"The file from {source.url} is not that of {name}: its SHA-256 begins with {digest[:8]} instead of "
            f"{source.sha256_prefix}. Nothing was kept; try again, or ask your network's owner what sits between."
        )
    network = Vgg(name)
    # torch.load also refuses a legacy pickle's code: weights_only admits tensors and nothing else.
    network.load_state_dict(_renamed(torch.load(downloaded, map_location="cpu", weights_only=True), network.steps))
    normalize(network, calibration)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        partial = Path(folder) / target.name
        save_file(network.state_dict(), partial, metadata={"source": source.url, "sha256": digest})
        os.replace(partial, target)


@torch.no_grad()
def normalize(network: Vgg, pictures: Sequence[Image.Image]) -> None:
    """Rescale the weights so that each layer's mean activation over `pictures` and positions is 1.

    Behind a ReLU, max, average and L2 pooling a positive factor passes through unchanged, so each layer can be divided
    by its mean, and the next layer's weights multiplied by it: no layer computes anything else than before, but for its
    own factor.

    Source: Gatys et al., CVPR 2016, section 2, who rescale each *filter* over ImageNet. We rescale each layer: over the
    few pictures that we have, filters that hardly fire would be blown up to noise; and the compact extractor's teacher
    was normalised per layer too. The means are rounded to three digits, so that two machines get the same file, whose
    hash the fingerprints name.
    """
    if not pictures:
        return
    layers = [step.layer for step in network.steps]
    sums = dict.fromkeys(layers, 0.0)
    for picture in pictures:
        size = fitted_size(picture.size, min(max(picture.size), CALIBRATION_SIDE))
        for layer, activations in network(to_tensor(picture, size), layers).items():
            sums[layer] += activations.double().mean().item()
    before = 1.0
    for step in network.steps:
        # A layer that never fires keeps its weights.
        mean = float(f"{sums[step.layer] / len(pictures):.3g}") or before
        convolution = network.convolution(step)
        convolution.weight *= before / mean
        if convolution.bias is not None:
            convolution.bias /= mean
        before = mean


def _is_whole(path: Path, name: str) -> bool:
    try:
        with safe_open(path, framework="pt") as file:
            return set(Vgg(name).state_dict()) <= set(file.keys())
    except (SafetensorError, OSError):
        return False


def _renamed(state: dict[str, Tensor], steps: Sequence[Step]) -> dict[str, Tensor]:
    """torchvision's `features.N.weight` in order, renamed to `blocks.GROUP.PLACE.weight`."""
    indices = sorted({int(key.split(".")[1]) for key in state if key.startswith("features.")})
    if len(indices) != len(steps):
        raise ExtractorUnavailableError(f"The file has {len(indices)} convolutions instead of {len(steps)}.")
    return {
        f"blocks.{step.group}.{step.place}.{part}": state[f"features.{index}.{part}"]
        for step, index in zip(steps, indices, strict=True)
        for part in ("weight", "bias")
    }
