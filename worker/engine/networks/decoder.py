"""The decoder: one network that turns matched cells into pixels at once, for any painting.

It sees what each cell is to become and what it is in the photo, never a painting's name: what it has learnt is to draw
what activations say, as the studio's evaluations would (training/decoder.py).

Source: Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (ECCV 2016), for a network
in place of an optimisation, with residual blocks, and its objective as the loss; Chen and Schmidt, "Fast Patch-based
Style Transfer of Arbitrary Style" (arXiv 1612.04337), for the inversion of matched activations; Dosovitskiy and
Djolonga, "You Only Train Once: Loss-Conditional Training of Deep Networks" (ICLR 2020), for one network that knows the
losses' weights.
"""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

WIDTH, BLOCKS = 64, 4
# Of what is drawn at half the pixels and at all of them.
MIDDLE, FINE = 32, 24
# Pixels around a tile on which its own depend, and a reserve: 9 convolutions on cells, 2 twice as fine, 3 on pixels.
HALO = 48


class Decoder(nn.Module):
    """Residual blocks on the grid of cells, then twice as fine with two convolutions each."""

    def __init__(self, columns: int, weights_hash: str = "") -> None:
        """For columns of so many activations; `weights_hash` says which weights it has, if they are of a file."""
        super().__init__()
        self.weights_hash = weights_hash
        self.entry = _convolution(2 * columns + 1, WIDTH, 1)
        self.blocks = nn.ModuleList(_Residual(WIDTH) for _ in range(BLOCKS))
        self.middle = nn.ModuleList([_convolution(WIDTH, MIDDLE), _convolution(MIDDLE, MIDDLE)])
        self.fine = nn.ModuleList([_convolution(MIDDLE + 3, FINE), _convolution(FINE, FINE)])
        self.exit = _convolution(FINE, 3)

    def forward(self, matched: Tensor, photo: Tensor, pixels: Tensor, strength: float) -> Tensor:
        """The picture [B, 3, 4h, 4w] in [0, 1].

        `matched` and `photo` are columns [B, C, h, w] of what each cell is to become and of what is there; `pixels`
        [B, 3, 4h, 4w] in [0, 1] are the latter's. `strength` is what the style counts beside the photo, 1 as usual.
        """
        x = self._entered(matched, photo, math.log2(strength))
        for block in self.blocks:
            x = block(x)
        for layer, convolution in enumerate(self.middle):
            x = convolution(_grown(x) if layer == 0 else x).relu_()
        for layer, convolution in enumerate(self.fine):
            x = convolution(torch.cat([_grown(x), pixels], 1) if layer == 0 else x).relu_()
        return torch.sigmoid(self.exit(x))

    def _entered(self, matched: Tensor, photo: Tensor, said: float) -> Tensor:
        """The first convolution of both and of a channel that is `said` everywhere.

        As a sum, because oneDNN takes nine times as long for an odd number of channels.
        """
        of_matched, of_photo, of_said = self.entry.weight.split((matched.shape[1], photo.shape[1], 1), 1)
        assert self.entry.bias is not None
        bias = self.entry.bias + said * of_said.flatten()
        return F.conv2d(matched, of_matched, bias).add_(F.conv2d(photo, of_photo))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(width, width), _convolution(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x).relu_()).add_(x)  # type: ignore[no-any-return]


def load_decoder(path: Path, extractors_hash: str, device: torch.device, dtype: torch.dtype) -> Decoder | None:
    """The decoder for the extractor with the weights of that hash; None where `path` is another one's, or not there.

    Raises:
        SafetensorError, KeyError, RuntimeError: the file is damaged, or of another decoder.
    """
    if not path.exists():
        return None
    with safe_open(path, framework="pt") as file:
        if (file.metadata() or {}).get("extractor") != extractors_hash:
            return None
    weights = load_file(path)
    weights_hash = hashlib.sha256(path.read_bytes()).hexdigest()
    decoder = Decoder(columns=weights["entry.weight"].shape[1] // 2, weights_hash=weights_hash)
    decoder.load_state_dict({name: values.float() for name, values in weights.items()})
    decoder = decoder.to(device=device, dtype=dtype).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return decoder.requires_grad_(False)


def _convolution(width_in: int, width_out: int, kernel: int = 3) -> nn.Conv2d:
    return nn.Conv2d(width_in, width_out, kernel, padding=kernel // 2, padding_mode="reflect")


def _grown(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="nearest")
