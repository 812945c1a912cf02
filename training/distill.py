"""Train the compact extractor by distillation from a teacher VGG.

One resumable command:

    python -m training.distill --teacher ../shared/teacher/vgg19_16x.safetensors --images ../shared/data/train

Every tapped layer of the student is regressed, channel by channel, onto the teacher's activation of the same name, so
the student's Gram matrices live in the teacher's basis and no projection head is left over. Training starts with the
student's blocks fed from the *teacher's* taps (six short regressions that learn side by side), then hands over to the
student's own activations, end to end. Both phases are one run with one learning-rate schedule; a run that was
interrupted continues from its newest checkpoint.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize
from tqdm import tqdm

from training.loop import learning_rate
from worker.engine.networks.extractors import COMPACT_BLOCKS, VggShaped

TAPS = tuple(tap for tap, _ in COMPACT_BLOCKS)
HELD_OUT = 64
EVAL_SIDE = 224
MIDDLE_GREY = 0.45
TEACHER_ORDER = [
    "1_1",
    "1_2",
    "P",
    "2_1",
    "2_2",
    "P",
    "3_1",
    "3_2",
    "3_3",
    "3_4",
    "P",
    "4_1",
    "4_2",
    "4_3",
    "4_4",
    "P",
    "5_1",
]


@dataclass(frozen=True)
class Recipe:
    """What decides the result of a run; saved beside its checkpoints."""

    steps: int = 12_000
    forced_steps: int = 2_000
    batch: int = 8
    crop: int = 128
    learning_rate: float = 2e-3
    warmup: int = 300
    leak_steps: int = 600
    seed: int = 0


class Teacher:
    """The compressed VGG-19: tapped activations [B, C, h, w] of images [B, 3, H, W] in [0, 1].

    Each tap is divided by its mean over photographs, so that one set of loss weights fits all layers (Gatys et al.,
    CVPR 2016, section 2, rescales per filter; per layer keeps the relative strength of the filters).
    """

    def __init__(self, path: Path) -> None:
        self.weights = load_file(path)
        self.means = dict.fromkeys(TAPS, 1.0)

    def normalize(self, batches: list[Tensor]) -> None:
        """Set each layer's mean activation over `batches` to 1."""
        taps = [self(batch) for batch in batches]
        self.means = {tap: self.means[tap] * torch.cat([each[tap] for each in taps]).mean().item() for tap in TAPS}

    @torch.no_grad()
    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        return {tap: values.float() / self.means[tap] for tap, values in self.taps(x).items()}

    def taps(self, x: Tensor) -> dict[str, Tensor]:
        """Activations as they come: not normalised, in the dtype of `x`."""
        taps = {}
        x = F.conv2d(x, self.weights["input.weight"], self.weights["input.bias"])
        for name in TEACHER_ORDER:
            if name == "P":
                x = F.max_pool2d(x, 2)
                continue
            x = F.pad(x, (1, 1, 1, 1), mode="reflect")
            x = F.relu(F.conv2d(x, self.weights[f"conv{name}.weight"], self.weights[f"conv{name}.bias"]))
            if f"relu{name}" in TAPS:
                taps[f"relu{name}"] = x
        return taps


class Whitened(nn.Module):
    """Parametrise the first convolution in the whitened basis of 3×3 colour patches.

    Neighbouring pixels are so alike that plain gradient descent takes thousands of steps to find an edge filter; in
    the whitened basis it takes tens. The product of both matrices is an ordinary convolution, which is what is saved.
    """

    basis: Tensor

    def __init__(self, images: Tensor) -> None:
        super().__init__()
        patches = F.unfold(images - MIDDLE_GREY, 3).transpose(1, 2).reshape(-1, 27).double()
        values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        self.register_buffer("basis", (vectors * (values + 1e-3).rsqrt() @ vectors.T).float())

    def forward(self, weight: Tensor) -> Tensor:
        return (weight.flatten(1) @ self.basis).view_as(weight)


class Student(VggShaped):
    """The compact extractor while its weights are trained."""

    def __init__(self) -> None:
        super().__init__(COMPACT_BLOCKS)
        self.leak = 0.0  # slope of the ReLU below zero

    def block(self, tap: str, x: Tensor) -> Tensor:
        """Activations of `tap` from those of the tap before (or from images [B, 3, H, W])."""
        for step in self.steps:
            if step.group == tap:
                x = self.convolve(x, self.convolution(step), step.pool)
        return x

    def convolve(self, x: Tensor, convolution: nn.Conv2d, pool: bool) -> Tensor:
        x = F.leaky_relu(convolution(F.pad(x, (1, 1, 1, 1), mode="reflect")), self.leak)
        return F.avg_pool2d(x, 2) if pool else x


def initialize(net: Student, images: Tensor) -> None:
    """Random weights for a new run; `images` [N, 3, H, W] set the whitening of the first convolution."""
    for parameter in net.parameters():
        if parameter.dim() == 4:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu")
        else:
            nn.init.zeros_(parameter)
    first = net.convolution(net.steps[0])
    parametrize.register_parametrization(first, "weight", Whitened(images))
    nn.init.kaiming_normal_(first.get_parameter("parametrizations.weight.original"), a=5.0)


def forced(net: Student, x: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
    """Activations of every block, each fed with the teacher's tap before it."""
    taps = {}
    for tap in TAPS:
        taps[tap] = net.block(tap, x)
        x = targets[tap]
    return taps


def plain_weights(net: Student) -> dict[str, Tensor]:
    """State of `net` without whitening, for images in [0, 1] that nobody centred."""
    first = net.convolution(net.steps[0])
    assert first.bias is not None
    weight = first.weight.detach()
    weights = {
        name: value.detach().contiguous() for name, value in net.state_dict().items() if "parametrizations" not in name
    }
    weights["blocks.relu1_1.0.weight"] = weight.contiguous()
    weights["blocks.relu1_1.0.bias"] = first.bias.detach() - MIDDLE_GREY * weight.sum((1, 2, 3))
    return weights


def load_images(folder: Path, shortest: int) -> list[np.ndarray]:
    """Decode a folder to uint8 RGB [H, W, 3], shrunk so that the shorter side is at most `shortest`."""
    images = []
    for path in tqdm(sorted(folder.iterdir()), desc=f"reading {folder.name}", leave=False):
        if path.suffix.lower() not in {".jpg", ".jpeg", ".png"}:
            continue
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        ratio = min(1.0, shortest / min(image.size))
        size = [max(64, round(side * ratio)) for side in image.size]
        images.append(np.asarray(image.resize(size, Image.Resampling.LANCZOS)))
    return images


def augmented_batch(images: list[np.ndarray], recipe: Recipe, rng: random.Random) -> Tensor:
    """Random crops [B, 3, crop, crop] in [0, 1] at random scales, with flips, colour, contrast, blends and noise."""
    crops = []
    for _ in range(recipe.batch):
        image = images[rng.randrange(len(images))]
        height, width = image.shape[:2]
        side = min(height, width, round(recipe.crop * math.exp(rng.uniform(-0.2, 0.9))))
        top, left = rng.randrange(height - side + 1), rng.randrange(width - side + 1)
        crop = torch.from_numpy(image[top : top + side, left : left + side].copy()).permute(2, 0, 1)[None].float() / 255
        crop = F.interpolate(crop, (recipe.crop, recipe.crop), mode="bilinear", antialias=True, align_corners=False)
        if rng.random() < 0.5:
            crop = crop.flip(3)
        if rng.random() < 0.25:
            crop = crop.flip(2).transpose(2, 3)
        crops.append(crop)
    x = torch.cat(crops)
    generator = torch.Generator().manual_seed(rng.getrandbits(40))
    gain = torch.exp(
        0.25
        * torch.randn(recipe.batch, 3, 1, 1, generator=generator)
        * torch.rand(recipe.batch, 1, 1, 1, generator=generator)
    )
    lift = (
        0.1
        * torch.randn(recipe.batch, 3, 1, 1, generator=generator)
        * torch.rand(recipe.batch, 1, 1, 1, generator=generator)
    )
    mean = x.mean((2, 3), keepdim=True)
    x = (x - mean) * gain + mean + lift
    # Noise of random strength: half-optimised iterates are noisier than any photograph.
    strength = 0.15 * torch.rand(recipe.batch, 1, 1, 1, generator=generator).pow(3)
    return (x + strength * torch.randn(x.shape, generator=generator)).clamp(0, 1)


def relative_errors(student: dict[str, Tensor], teacher: dict[str, Tensor], variances: dict[str, Tensor]) -> Tensor:
    """Mean squared error of each tap divided by that layer's variance [len(TAPS)]."""
    return torch.stack([(student[tap].float() - teacher[tap]).square().mean() / variances[tap] for tap in TAPS])


def held_out_batches(images: list[np.ndarray]) -> list[Tensor]:
    """Centre crops of the held-out images, in batches of eight [8, 3, EVAL_SIDE, EVAL_SIDE]."""
    crops = []
    for image in images:
        picture = ImageOps.fit(Image.fromarray(image), (EVAL_SIDE, EVAL_SIDE), Image.Resampling.LANCZOS)
        crops.append(torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255)
    return list(torch.stack(crops).split(8))


@torch.no_grad()
def evaluate(net: Student, teacher: Teacher, batches: list[Tensor]) -> dict[str, tuple[float, float]]:
    """Relative errors per tap over all held-out pixels.

    The mean squared error over the layer's variance, and over the stricter variance about each channel's own mean.
    """
    report = {}
    targets = [teacher(batch) for batch in batches]
    taps = [net(batch - MIDDLE_GREY) for batch in batches]
    for tap in TAPS:
        target = torch.cat([each[tap] for each in targets]).double()
        error = (torch.cat([each[tap] for each in taps]) - target).square().mean()
        per_channel = (target - target.mean((0, 2, 3), keepdim=True)).square().mean()
        report[tap] = ((error / target.var()).item(), (error / per_channel).item())
    return report


def train(args: argparse.Namespace, recipe: Recipe) -> None:
    run: Path = args.run
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    teacher = Teacher(args.teacher)
    photographs = load_images(args.images, shortest=320)
    held_out = photographs[:: len(photographs) // HELD_OUT][:HELD_OUT]
    training = [
        image
        for i, image in enumerate(photographs)
        if i % (len(photographs) // HELD_OUT) or i // (len(photographs) // HELD_OUT) >= HELD_OUT
    ]
    if args.paintings:
        training += load_images(args.paintings, shortest=640) * 3
    batches = held_out_batches(held_out)

    net = Student()
    initialize(net, torch.cat(held_out_batches(training[:256])))
    net.to(memory_format=torch.channels_last)
    first = list(net.blocks["relu1_1"].parameters())
    rest = [parameter for name, block in net.blocks.items() if name != "relu1_1" for parameter in block.parameters()]
    optimizer = torch.optim.Adam(
        [{"params": first, "boost": 5.0}, {"params": rest, "boost": 1.0}], lr=recipe.learning_rate, betas=(0.9, 0.99)
    )
    checkpoint = run / "checkpoint.pt"
    start, seconds = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        net.load_state_dict(state["net"])
        optimizer.load_state_dict(state["optimizer"])
        start, seconds = state["step"], state["seconds"]
    (run / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2))

    teacher.normalize(held_out_batches(training[:: len(training) // 128]))
    variances: dict[str, Tensor] = {}
    sample = [teacher(batch) for batch in batches[:4]]
    for tap in TAPS:
        variances[tap] = torch.cat([taps[tap] for taps in sample]).var()
    low = torch.bfloat16 if args.bfloat16 else torch.float32
    teacher.weights = {name: value.to(low) for name, value in teacher.weights.items()}
    exact = Teacher(args.teacher)
    exact.means = teacher.means

    clock = time.monotonic()
    bar = tqdm(range(start, recipe.steps), initial=start, total=recipe.steps, desc="distil", mininterval=5)
    running = torch.zeros(len(TAPS))
    for step in bar:
        for group in optimizer.param_groups:
            group["lr"] = group["boost"] * learning_rate(step, recipe)
        # A unit that is dead on every picture would never wake: let gradients leak through until the run is under way.
        net.leak = max(0.0, 0.3 * (1 - step / recipe.leak_steps))
        x = augmented_batch(training, recipe, random.Random(recipe.seed * 1_000_003 + step))
        x = x.contiguous(memory_format=torch.channels_last)
        targets = teacher(x.to(low))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bfloat16):
            taps = forced(net, x - MIDDLE_GREY, targets) if step < recipe.forced_steps else net(x - MIDDLE_GREY)
        errors = relative_errors(taps, targets, variances)
        # The logarithm weighs each layer's *relative* improvement alike: 0.02 → 0.01 counts as much as 0.2 → 0.1.
        loss = errors.log().sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 50.0)
        optimizer.step()
        running = errors.detach() if step == start else 0.98 * running + 0.02 * errors.detach()
        if (step + 1) % 25 == 0:
            bar.set_postfix_str(" ".join(f"{value:.3f}" for value in running))
        if (step + 1) % args.every == 0 or step + 1 == recipe.steps:
            elapsed = seconds + time.monotonic() - clock
            net.leak = 0.0
            report = evaluate(net, exact, batches)
            entry = {"step": step + 1, "seconds": round(elapsed), "train": running.tolist(), "held_out": report}
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps(entry) + "\n")
            save_file(plain_weights(net), run / "weights.safetensors")
            partial = checkpoint.with_suffix(".tmp")
            torch.save(
                {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step + 1, "seconds": elapsed},
                partial,
            )
            partial.replace(checkpoint)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True, help="safetensors file of the teacher")
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--paintings", type=Path, help="folder of paintings, mixed in as 10 %% of the crops")
    parser.add_argument("--run", type=Path, default=Path("training/runs/compact"), help="checkpoints and log")
    parser.add_argument("--every", type=int, default=500, help="steps between evaluations and checkpoints")
    parser.add_argument("--no-bfloat16", dest="bfloat16", action="store_false", help="train in float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    for name, default in asdict(Recipe()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    train(args, Recipe(**{name: getattr(args, name) for name in asdict(Recipe())}))


if __name__ == "__main__":
    main()
