"""Torch's compiler stays out of a process that paints."""

from __future__ import annotations

import subprocess
import sys

from tests.bench import ROOT

PAINT = """
import sys
from pathlib import Path
from PIL import Image
from worker import engine
from worker.eager import leave_compiler_out

leave_compiler_out()
extractor = engine.load_extractor("compact", Path("models"), Path("models"))
style = engine.load_fingerprint(Path("styles/great_wave/fingerprint.safetensors"), extractor)
scene = engine.Scene.of(Image.effect_noise((96, 64), 64).convert("RGB"), style)
engine.paint(scene, extractor, engine.PaintOptions(size=256), lambda iterate: iterate.iteration == 3)
print(*{"torch", "torch._dynamo", "sympy"} & set(sys.modules))
"""


def test_painting_does_not_load_what_it_does_not_use() -> None:
    loaded = subprocess.run([sys.executable, "-c", PAINT], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == ["torch"]
