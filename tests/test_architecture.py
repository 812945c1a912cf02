"""What may import what, seen in fresh interpreters; the contracts of import-linter hold the rest."""

import ast
import subprocess
import sys

import pytest

from tests.bench import ROOT


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after a statement."""
    script = f"{statement}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_web_application_loads_neither_torch_nor_the_worker() -> None:
    assert not modules_after("import app.main") & {"torch", "torchvision", "safetensors", "worker"}


def test_the_engine_loads_nothing_of_the_service() -> None:
    loaded = modules_after("import worker.engine")
    assert not loaded & {"celery", "redis", "fastapi", "pydantic", "app"}
    assert "torchvision" not in loaded  # only fetching VGG-19 needs it


A_FEW_STROKES = """
from pathlib import Path
from PIL import Image
from worker import engine

extractor = engine.load_extractor("compact", Path("models"), Path("models"))
style = engine.load_fingerprint(Path("styles/great_wave/fingerprint.safetensors"), extractor)
scene = engine.Scene.of(Image.effect_noise((96, 64), 64).convert("RGB"), style)
engine.paint(scene, extractor, engine.PaintOptions(size=256), lambda iterate: iterate.iteration == 3)
"""


def test_painting_does_not_load_torchs_compiler() -> None:
    # It brings sympy and 900 modules, two seconds of a processor before the first stroke; torch.optim loads it.
    assert "sympy" not in modules_after(A_FEW_STROKES)


def test_the_launcher_loads_no_torch() -> None:
    assert "torch" not in modules_after("import launcher.__main__")


@pytest.mark.parametrize("module", ["worker.celery_app", "worker.tasks"])
def test_a_workers_parent_never_initialises_cuda(module: str) -> None:
    script = f"import {module}, torch; print(torch.cuda.is_initialized())"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("module", ["worker.celery_app", "worker.tasks", "app.main"])
def test_nobody_has_the_encoders_threads_before_there_is_a_picture(module: str) -> None:
    # A child that is forked with libvips running in its parent would wait for threads that it does not have.
    assert "pyvips" not in modules_after(f"import {module}")


CODE_CARRIERS = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve", "yaml"}


def test_nothing_loads_what_can_carry_code() -> None:
    folders = ("app", "worker", "launcher", "training", "benchmarks", "provenance")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 30
    for path in sources:
        for node in ast.walk(ast.parse(path.read_text())):
            place = f"{path}:{getattr(node, 'lineno', 0)}"
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not {name.split(".")[0] for name in names} & CODE_CARRIERS, place
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                options = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert called not in {"eval", "exec", "torch.jit.load", "torch.hub.load"}, place
                assert called != "torch.load" or options.get("weights_only") == "True", place
                assert options.get("allow_pickle", "False") == "False", place
