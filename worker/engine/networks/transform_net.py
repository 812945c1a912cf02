"""The image transformation network: a network that paints in one painting's style, in one pass; and its file.

Source: Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution" (ECCV 2016,
arXiv 1603.08155), and its program, jcjohnson/fast-neural-style, for the architecture and its notation; Ulyanov, Vedaldi
and Lempitsky, "Instance Normalization: The Missing Ingredient for Fast Stylization" (arXiv 1607.08022), eq. 4, for
statistics of each picture and channel, also of what is painted later; Odena, Dumoulin and Olah, "Deconvolution and
Checkerboard Artifacts" (Distill, 2016), for enlarging before a convolution. We differ: no convolution is transposed,
every one is padded by reflection, and the output is a sigmoid's, which is their scaled tanh brought to [0, 1].
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from worker.engine.errors import NetworkFormatError, NotFiniteError
from worker.engine.images import MIN_SIDE

# That of the published networks with instance normalisation, which have half the filters of the paper's.
ARCH = "c9s1-16,d32,d64,R64×5,u32,u16,c9s1-3"
FORMAT = "atelier-transform-net-1"
SUFFIX = ".safetensors"
EPSILON = 1e-5
NOTATION = re.compile(
    r"(?:c(?P<kernel>\d{1,3})s(?P<stride>\d{1,3})-|(?P<letter>[dRCuU]))(?P<size>\d{1,5})(?:[×x](?P<times>\d{1,3}))?"
)
# What a file or a person may ask for at most.
MOST_LAYERS, MOST_WIDTH, MOST_KERNEL, MOST_STRIDE = 64, 512, 15, 16

Kind = Literal["convolution", "norm", "relu", "enlarge", "branch", "join"]


class Step(NamedTuple):
    """One operation, and the pixels from one position to the next behind it; `number` is its convolution's or norm's.

    Before `branch`, activations are kept, which `join` adds; `enlarge` repeats each position `number` times a side.
    """

    kind: Kind
    stride: int
    number: int = 0


class Shape(NamedTuple):
    """Of a convolution: its kernel's side, its stride, channels in and out."""

    kernel: int
    stride: int
    width_in: int
    width_out: int


@dataclass(frozen=True)
class About:
    """What a network's file says of it.

    Attributes:
        arch: as in `plan_of`.
        title, artist, source: of the painting, as they were given.
        loss: that it was trained with, and on whose activations: the extractor's name and its weights' SHA-256.
        style_size: longest side, in pixels, at which it has seen the painting.
        steps, seconds: for how long it was trained.
    """

    arch: str = ARCH
    title: str = ""
    artist: str = ""
    source: str = ""
    loss: str = ""
    extractor: str = ""
    extractor_hash: str = ""
    style_size: int = 0
    steps: int = 0
    seconds: int = 0


NUMBERS = {"style_size", "steps", "seconds"}  # among these


class Plan(NamedTuple):
    """What an architecture consists of, and the most pixels from one position to the next in it."""

    steps: tuple[Step, ...]
    shapes: tuple[Shape, ...]
    widths: tuple[int, ...]  # of the norms
    stride: int


def plan_of(arch: str) -> Plan:
    """An architecture from its notation: layers from the photo on, with commas between them.

    - `cKsS-F`: K×K convolution with stride S to F channels; `dF`: 3×3 with stride 2. `uF`: enlarged twice, then 3×3 (a
      transposed convolution in the published notation). Instance norm and ReLU follow each, but not the last.
    - `RF`: residual block of two 3×3 convolutions, each with a norm, a ReLU between; `CF`: the same without the sum.
    - `UN`: each position N × N times (nearest neighbour).
    - `×5` or `x5` behind a layer stands for five of it.

    Source: jcjohnson/fast-neural-style, fast_neural_style/models.lua.

    Raises:
        ValueError: it is none; the message names the layer.
    """
    steps: list[Step] = []
    shapes: list[Shape] = []
    norms: list[int] = []
    width, stride, most = 3, 1, 1

    def convolve(kernel: int, by: int, to: int, then: Sequence[Kind]) -> None:
        nonlocal width, stride, most
        if (kernel // 2 + 1) * stride > MIN_SIDE:
            raise ValueError(f"A {kernel}×{kernel} kernel at 1/{stride} of the size sees more than a small photo has.")
        stride *= by
        most = max(most, stride)
        steps.append(Step("convolution", stride, len(shapes)))
        shapes.append(Shape(kernel, by, width, to))
        width = to
        for kind in then:
            steps.append(Step(kind, stride, len(norms) if kind == "norm" else 0))
            norms.extend([to] if kind == "norm" else [])

    layers = list(_layers(arch))
    for index, (word, found) in enumerate(layers):
        letter, size = found["letter"] or "c", int(found["size"])
        then: Sequence[Kind] = ("norm", "relu") if index + 1 < len(layers) else ()
        if letter == "U" or letter == "u":
            factor = size if letter == "U" else 2
            if factor < 1 or stride % factor:
                raise ValueError(f"{word} in the architecture enlarges what was made {stride} times smaller before.")
            stride //= factor
            steps.append(Step("enlarge", stride, factor))
        if letter == "R" and size != width:
            raise ValueError(f"{word} in the architecture adds what has {width} channels; write R{width}.")
        if letter == "R":
            steps.append(Step("branch", stride))
        if letter in "RC":
            convolve(3, 1, size, ("norm", "relu"))
            convolve(3, 1, size, ("norm",) if letter == "R" else ("norm", "relu"))
        if letter == "R":
            steps.append(Step("join", stride))
        if letter in "cdu":
            kernel, by = (
                (int(found["kernel"]), int(found["stride"])) if letter == "c" else (3, 2 if letter == "d" else 1)
            )
            if not (kernel % 2 and kernel <= MOST_KERNEL and by in (1, 2, 4)):
                raise ValueError(
                    f"{word} in the architecture needs an odd kernel up to {MOST_KERNEL}, and stride 1, 2 or 4."
                )
            convolve(kernel, by, size, then)
        if width > MOST_WIDTH or not width or most > MOST_STRIDE:
            raise ValueError(
                f"{word} in the architecture is beyond {MOST_WIDTH} channels or 1/{MOST_STRIDE} of the size."
            )
    if (stride, width) != (1, 3) or not steps or steps[-1].kind != "convolution":
        raise ValueError(
            f"The architecture {arch!r} should end in a convolution to 3 channels (c9s1-3) at the photo's own size, "
            f"but ends at 1/{stride} of it with {width}."
        )
    return Plan(tuple(steps), tuple(shapes), tuple(norms), most)


def _layers(arch: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Each layer as it is written, and its parts."""
    count = 0
    for word in (part.strip() for part in arch.split(",")):
        found = NOTATION.fullmatch(word)
        if not found:
            hint = " Transposed convolutions leave a checkerboard; write U2,c3s1-32." if word.startswith("f") else ""
            raise ValueError(
                f"{word!r} in the architecture is no layer; layers are cKsS-F, dF, RF, CF, uF, UN, as in {ARCH}.{hint}"
            )
        times = int(found["times"] or 1)
        count += times
        if not times or count > MOST_LAYERS:
            raise ValueError(
                f"{word} makes {count} layers of the architecture; {MOST_LAYERS} are the most, and 1 the least."
            )
        yield from [(word, found)] * times


class Moments(NamedTuple):
    """Mean and variance [1, C, 1, 1] of activations over all positions of a picture."""

    mean: Tensor
    variance: Tensor


class InstanceNorm(nn.Module):
    """Each channel of each picture with mean 0 and variance 1, then scaled and moved by what was learnt.

    Source: Ulyanov et al., arXiv 1607.08022, eq. 4.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, known: Moments | None = None) -> Tensor:
        """Of [B, C, H, W]; `known` are the moments of a whole picture, of which `x` is a part."""
        if known is None:
            return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=EPSILON)
        scale = self.weight.view(1, -1, 1, 1) * (known.variance + EPSILON).rsqrt().to(self.weight)
        offset = self.bias.view(1, -1, 1, 1) - known.mean.to(self.weight) * scale
        return (x * scale + offset).to(x.dtype)


class TransformNet(nn.Module):
    """The network; `weights_hash` is the SHA-256 of its file, if it came from one."""

    def __init__(self, about: About = About(), weights_hash: str = "") -> None:
        """With random weights.

        Raises:
            ValueError: its architecture is none.
        """
        super().__init__()
        self.about, self.weights_hash = about, weights_hash
        self.plan = plan_of(about.arch)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(width_in, width_out, kernel, stride, padding=kernel // 2, padding_mode="reflect")
            for kernel, stride, width_in, width_out in self.plan.shapes
        )
        self.norms = nn.ModuleList(InstanceNorm(width) for width in self.plan.widths)

    def forward(self, pixels: Tensor) -> Tensor:
        """The pictures [B, 3, H, W] in [0, 1], in float32 or what `pixels` in [0, 1], of the same shape, are in.

        Sides may be any from MIN_SIDE.
        """
        height, width = pixels.shape[2:]
        return self.run(self.padded(pixels))[..., :height, :width]

    def padded(self, pixels: Tensor) -> Tensor:
        """Pixels [B, 3, H, W] of any dtype with as many rows and columns more, by reflection, as all strides divide."""
        for axis in (2, 3):
            side = pixels.shape[axis]
            missing = -side % self.plan.stride
            if missing:
                places = torch.arange(side + missing, device=pixels.device)
                pixels = pixels.index_select(axis, torch.where(places < side, places, 2 * (side - 1) - places))
        return pixels

    def run(self, x: Tensor, known: Sequence[Moments] = (), norms: int | None = None) -> Tensor:
        """What it makes of [B, 3, H, W], whose sides all strides divide.

        `known` are the first norms' moments where they are not to be taken from `x`. With `norms`, what the norm of
        that number is given is returned instead of the picture.
        """
        last, kept = len(self.plan.shapes) - 1, []
        for step in self.plan.steps:
            if step.kind == "convolution" and step.number == last:
                # In eight bits of bfloat16's, smooth skies would show steps.
                with torch.autocast(x.device.type, enabled=False):
                    x = self.convolutions[last](x.to(next(self.parameters()).dtype))
            elif step.kind == "convolution":
                x = self.convolutions[step.number](x)
            elif step.kind == "norm":
                if step.number == norms:
                    return x
                x = self.norms[step.number](x, known[step.number] if step.number < len(known) else None)
            elif step.kind == "relu":
                x = F.relu(x)
            elif step.kind == "enlarge":
                x = F.interpolate(x, scale_factor=step.number, mode="nearest")
            elif step.kind == "branch":
                kept.append(x)
            else:
                x = kept.pop() + x
        return torch.sigmoid(x)

    @property
    def halo(self) -> int:
        """Pixels around a part of a picture on which it depends, beside the norms' moments; at least."""
        before, halo = 1, 0
        for step in self.plan.steps:
            if step.kind == "convolution":
                halo += self.plan.shapes[step.number].kernel // 2 * before
            elif step.kind == "enlarge":
                halo += before
            before = step.stride
        return halo

    def save(self, path: Path, about: About) -> None:
        """Write float16 weights, and what is to be said of them; whole or not at all.

        Raises:
            NotFiniteError: the weights are no numbers that float16 holds; what was in the file stays.
            OSError: it cannot be written.
        """
        weights = {name: values.detach().half().cpu().contiguous() for name, values in self.state_dict().items()}
        if not _are_finite(weights):
            raise NotFiniteError("The network's weights have become infinite. Train with a lower --learning-rate.")
        metadata = {"format": FORMAT} | {name: str(value) for name, value in asdict(about).items()}
        partial = path.with_name(f".partial-{path.name}")
        try:
            # Not by save_file, whose files are for nobody else to read.
            partial.write_bytes(save(weights, metadata=metadata))
            partial.replace(path)
        except OSError as error:
            raise OSError(f"{path} could not be written: {error.strerror}.") from error
        finally:
            partial.unlink(missing_ok=True)


def load_transform_net(path: Path, device: torch.device | None = None) -> TransformNet:
    """Load a network, in float32, to paint with.

    Raises:
        NetworkFormatError: it is not there, no such file, or damaged.
    """
    about = about_network(path)
    try:
        network = TransformNet(about, hashlib.sha256(path.read_bytes()).hexdigest())
        weights = {name: values.float() for name, values in load_file(path).items()}
        network.load_state_dict(weights)
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise NetworkFormatError(f"{path} is damaged: its weights are not those that it tells of ({error}).") from error
    if not _are_finite(weights):
        raise NetworkFormatError(f"{path} is damaged: its weights are not all finite numbers.")
    return network.to(device or torch.device("cpu")).requires_grad_(False).eval()


def _are_finite(weights: Mapping[str, Tensor]) -> bool:
    return all(bool(values.isfinite().all()) for values in weights.values())


def about_network(path: Path) -> About:
    """What a network's file says of it, without its weights.

    Raises:
        NetworkFormatError: it is not there, no such file, or damaged.
    """
    if not path.is_file():
        raise NetworkFormatError(f"{path} is not there.")
    try:
        with safe_open(path, framework="pt") as file:
            told = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise NetworkFormatError(
            f"{path} is no network, or is damaged ({error}). `atelier train-fast` makes networks."
        ) from error
    if told.get("format") != FORMAT:
        what = f"has the format {told['format']}" if told.get("format") else "is no image transformation network"
        raise NetworkFormatError(f"{path} {what}; {FORMAT} is what can be read. `atelier train-fast` makes networks.")
    try:
        known = {field.name: told[field.name] for field in fields(About) if field.name in told}
        return About(**known | {name: int(known[name]) for name in NUMBERS & known.keys()})  # type: ignore[arg-type]
    except ValueError as error:
        raise NetworkFormatError(f"{path} is damaged: {error}.") from error
