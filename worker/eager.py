"""Keeps torch's compiler out of a process: its optimisers load it, only to tell it that they are not to be compiled.

It is 900 modules, sympy among them: two seconds of a processor before the first stroke. Nothing is compiled here.
"""

from __future__ import annotations

import torch

ASKING = ("add_param_group", "zero_grad")  # what L-BFGS uses of all that asks


def leave_compiler_out() -> None:
    """Let `torch.optim.Optimizer` call these methods of its own without asking torch._dynamo first.

    What asks (torch/_compile.py, in 2.9 to 2.14) is private: where a version has changed it, all is as slow as before.
    """
    for name in ASKING:
        method = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
        if method is not None:
            setattr(method, "__dynamo_disable", method)
