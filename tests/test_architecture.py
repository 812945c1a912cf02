"""What may import what, seen in fresh interpreters; the contracts of import-linter hold the rest."""

import subprocess
import sys

import pytest

from tests.conftest import ROOT


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


def test_the_launcher_loads_no_torch() -> None:
    assert "torch" not in modules_after("import launcher.__main__")


@pytest.mark.parametrize("module", ["worker.celery_app", "worker.tasks"])
def test_a_workers_parent_never_initialises_cuda(module: str) -> None:
    script = f"import {module}, torch; print(torch.cuda.is_initialized())"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_no_pickle_is_read_or_accepted() -> None:
    from worker.celery_app import app

    assert app.conf.accept_content == ["json"]
    sources = [path for folder in ("app", "worker", "launcher", "training") for path in (ROOT / folder).rglob("*.py")]
    assert len(sources) > 30
    for path in sources:
        text = path.read_text()
        assert "import pickle" not in text, path
        assert text.count("torch.load(") == text.count("weights_only=True"), path
