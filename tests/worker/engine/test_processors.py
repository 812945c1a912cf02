"""The engine's kernels under each instruction set that this processor has, not under the best of them alone.

Torch and oneDNN choose their kernels once, when they are loaded: so each set is a process of its own, which runs the
tests that are marked `kernels`.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.bench import ROOT
from tests.worker.engine.conftest import MODELS, compact
from worker.engine import load_extractor
from worker.engine.networks.operators import is_onednns

CPU = torch.device("cpu")
# As oneDNN calls them: what torch calls its own kernels for them, and whether the processor has them.
SETS: dict[str, tuple[str, Callable[[], bool]]] = {
    "AVX2": ("AVX2", torch.cpu._is_avx2_supported),
    "AVX512_CORE": ("AVX512", torch.cpu._is_avx512_supported),
}
CHILD = """
import sys
import pytest
import torch
print("torch's kernels:", torch.backends.cpu.get_cpu_capability())
sys.exit(pytest.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("name", SETS)
def test_kernels_of_every_instruction_set_keep_the_bounds(name: str, tmp_path: Path) -> None:
    torchs_name, is_here = SETS[name]
    if not is_here():
        pytest.skip(f"this processor has no {name}")
    options = ["-m", "kernels", "-q", "-p", "no:cacheprovider", f"--basetemp={tmp_path / 'pytest'}"]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *options, str(Path(__file__).parent)],
        cwd=ROOT,
        env=os.environ | {"ONEDNN_MAX_CPU_ISA": name, "ATEN_CPU_CAPABILITY": torchs_name.lower()},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert f"torch's kernels: {torchs_name}\n" in done.stdout


@pytest.mark.kernels
def test_what_a_processor_takes_for_its_fastest_dtype_it_can_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one that has bfloat16, but whose oneDNN is kept from it."""
    for has_bfloat16 in (False, True):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has_it=has_bfloat16: has_it)
        extractor = load_extractor("compact", MODELS, MODELS, CPU)
        assert (extractor.dtype == torch.bfloat16) == (has_bfloat16 and is_onednns(torch.bfloat16))
        assert all(taps.isfinite().all() for taps in extractor(torch.rand(1, 3, 32, 48)).values())


@pytest.mark.kernels
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_an_evaluation_repeats_to_the_last_bit(dtype: torch.dtype) -> None:
    extractor = compact(dtype)
    pixels = torch.rand(1, 3, 75, 101, generator=torch.Generator().manual_seed(0)).requires_grad_(True)
    means = [[taps.float().square().mean() for taps in extractor(pixels).values()] for _ in range(2)]
    one, other = (torch.stack(each).sum() for each in means)
    gradient, again = (torch.autograd.grad(loss, pixels)[0] for loss in (one, other))
    assert torch.equal(one, other)
    assert torch.equal(gradient, again)
