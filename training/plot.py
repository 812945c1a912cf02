"""Plot a training's log against the step: what was held out, tap by tap or loss by loss.

python -m training.plot training/runs/compact/log.jsonl models/compact-curve.png
python -m training.plot training/runs/decoder/log.jsonl models/decoder-curve.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

# Of a distillation: the relative errors that are asked for.
REQUIRED = {"relu1_1": 0.05, "relu2_1": 0.03, "relu3_1": 0.07, "relu4_1": 0.09, "relu4_2": 0.17, "relu5_1": 0.26}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("log", type=Path)
    parser.add_argument("picture", type=Path)
    args = parser.parse_args()
    entries = [json.loads(line) for line in args.log.read_text().splitlines()]
    steps = [entry["step"] for entry in entries]
    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for index, name in enumerate(entries[0]["held_out"]):
        values = [entry["held_out"][name] for entry in entries]
        values = [each[0] if isinstance(each, list) else each for each in values]
        (line,) = axes.plot(steps, values, label=name, color=f"C{index}")
        if name in REQUIRED:
            axes.axhline(REQUIRED[name], color=line.get_color(), linestyle=":", linewidth=0.8)
    axes.set(yscale="log", xlabel="step", ylabel="held-out error")
    axes.grid(alpha=0.2)
    axes.legend(ncols=3, fontsize="small")
    figure.savefig(args.picture, dpi=110)


if __name__ == "__main__":
    main()
