"""Where a painting can be taken up again after a stop or a crash."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from worker.engine.errors import CheckpointMismatchError

FORMAT = "atelier-checkpoint-1"
ENTRIES = "entries."


@dataclass(frozen=True)
class Checkpoint:
    """The iterate [1, 3, H, W] after `iteration` evaluations of stage `stage`, and the plan it belongs to.

    It is in float32, or of a large picture in float16: a seventh of what an 8-bit level is, and half the memory.

    L-BFGS's history is not kept: the next worker starts it anew from the iterate, and makes a few evaluations again.

    Attributes:
        entries: what the cells were matched with in this stage (style/match.py).
    """

    iterate: Tensor
    stage: int
    iteration: int
    seed: int
    plan: str
    optimizer: str = "L-BFGS"
    entries: tuple[Tensor, ...] = ()

    def save(self, path: Path) -> None:
        """Write the checkpoint; the caller renames the file into place."""
        fields = {"format": FORMAT, "stage": self.stage, "iteration": self.iteration, "seed": self.seed}
        fields |= {"plan": self.plan, "optimizer": self.optimizer}
        metadata = {"checkpoint": json.dumps(fields)}
        entries = {f"{ENTRIES}{index}": each for index, each in enumerate(self.entries)}
        save_file({"iterate": self.iterate} | entries, path, metadata=metadata)

    @staticmethod
    def load(path: Path) -> Checkpoint:
        """Read a checkpoint.

        Raises:
            CheckpointMismatchError: the file is damaged or of another format.
        """
        try:
            with safe_open(path, framework="pt") as file:
                fields = json.loads((file.metadata() or {})["checkpoint"])
                iterate = file.get_tensor("iterate")
                count = len(file.keys()) - 1
                entries = tuple(file.get_tensor(f"{ENTRIES}{index}") for index in range(count))
            if fields.pop("format") != FORMAT:
                raise CheckpointMismatchError(f"{path} is of another format.")
            return Checkpoint(iterate=iterate, entries=entries, **fields)
        except (SafetensorError, OSError, KeyError, ValueError, TypeError) as error:
            raise CheckpointMismatchError(f"{path} is damaged: {error}") from error
