"""Find the directions in which the cells of paintings vary most: the basis that all codebooks of `compact` share.

    python -m training.basis --paintings FOLDER

A codebook keeps of each cell how far it goes in each direction, so all codebooks are made anew after this.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from tqdm import tqdm

from worker import engine
from worker.engine.networks.basis import Basis
from worker.engine.networks.extractors import COMPACT_BASIS_FILE
from worker.engine.style.cells import widths
from worker.engine.style.codebook import SCALES, cells_of, turned_views

# Cells of each painting and scale: of 66 paintings, some 80,000.
SEEN = 250


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paintings", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--models", type=Path, default=Path("models"))
    args = parser.parse_args()

    extractor = engine.load_extractor("compact", args.models, Path())
    deviations = []
    for path in tqdm(sorted(args.paintings.glob("*.jpg"))):
        painting = Image.open(path).convert("RGB")
        for scale in SCALES:
            columns, _ = cells_of(painting, extractor, scale, views=turned_views)
            drawn = torch.linspace(0, len(columns) - 1, min(len(columns), SEEN)).long()
            deviations.append(columns[drawn] - columns.mean(0))
    basis = Basis.of(torch.cat(deviations), widths(extractor))
    save_file(basis.tensors(), args.models / COMPACT_BASIS_FILE)


if __name__ == "__main__":
    main()
