"""The loop that trains a network, and goes on where it was broken off.

What is learned from, and what is looked at in between, is its callers'.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

Network = TypeVar("Network", bound=nn.Module)


class Schedule(Protocol):
    """What the recipes of all trainings have."""

    @property
    def steps(self) -> int: ...
    @property
    def warmup(self) -> int: ...
    @property
    def learning_rate(self) -> float: ...


class Recipe(Schedule, Protocol):
    """What those have that this loop goes by; `averaged` is what the average so far counts at a step."""

    @property
    def averaged(self) -> float: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True)
class Course(Generic[Network]):
    """What a network is taught.

    Attributes:
        weights: the name of their file.
        terms: the names of what the loss is made of.
        learn: brings the gradients of one step to a network, whose examples the generator chooses; its terms.
        examine: what the log is to say of the network with averaged weights.
    """

    weights: str
    terms: tuple[str, ...]
    learn: Callable[[Network, random.Random], Tensor]
    examine: Callable[[Network], object]
    metadata: dict[str, str] | None = None


def learning_rate(step: int, recipe: Schedule) -> float:
    """Linear warm-up, then cosine decay to 1 % of the peak."""
    if step < recipe.warmup:
        return recipe.learning_rate * (step + 1) / recipe.warmup
    progress = (step - recipe.warmup) / max(1, recipe.steps - recipe.warmup)
    return recipe.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def train(net: Network, course: Course[Network], recipe: Recipe, run: Path, every: int) -> None:
    """Train a network, whose averaged weights, log and newest checkpoint are in `run` after `every` so many steps."""
    mean = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.averaged)
    )
    averaged: Any = mean.module
    optimizer = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    states: dict[str, nn.Module | torch.optim.Optimizer] = {"net": net, "mean": mean, "optimizer": optimizer}
    checkpoint, start, seconds = run / "checkpoint.pt", 0, 0.0
    if checkpoint.exists():
        kept = torch.load(checkpoint, weights_only=True)
        for name, each in states.items():
            each.load_state_dict(kept[name])
        start, seconds = kept["step"], kept["seconds"]
    (run / "recipe.json").write_text(json.dumps(vars(recipe), indent=2))

    clock, running = time.monotonic(), torch.zeros(len(course.terms))
    title = Path(course.weights).stem
    bar = tqdm(range(start, recipe.steps), initial=start, total=recipe.steps, desc=title, mininterval=5)
    for step in bar:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, recipe)
        optimizer.zero_grad(set_to_none=True)
        found = course.learn(net, random.Random(recipe.seed * 1_000_003 + step)).detach().cpu()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        mean.update_parameters(net)
        running = found if step == start else 0.98 * running + 0.02 * found
        if (step + 1) % 10 == 0:
            pairs = zip(course.terms, running, strict=True)
            bar.set_postfix_str(", ".join(f"{name} {value:.4f}" for name, value in pairs))
        if (step + 1) % every == 0 or step + 1 == recipe.steps:
            report = course.examine(averaged)
            elapsed = seconds + time.monotonic() - clock
            entry = {"step": step + 1, "seconds": round(elapsed), "train": running.tolist(), "held_out": report}
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps(entry) + "\n")
            weights = {name: values.half().contiguous() for name, values in averaged.state_dict().items()}
            save_file(weights, run / course.weights, metadata=course.metadata)
            partial = checkpoint.with_suffix(".tmp")
            numbers = {"step": step + 1, "seconds": elapsed}
            torch.save({name: each.state_dict() for name, each in states.items()} | numbers, partial)
            partial.replace(checkpoint)
