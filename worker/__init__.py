"""The worker. Imported before torch, whose threads read the environment once."""

import os

# By GNU OpenMP's default, threads wait in a busy loop for milliseconds: fastest on a quiet machine, but four times
# slower than need be as soon as anything else wants one of the processors. This waits some microseconds, then sleeps.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
# Linux hands memory out in pages of 4 kB, each cleared at the first touch: a third of an evaluation at 2048 pixels.
# With this, PyTorch asks for pages of 2 MB for large tensors, where the system gives them on request.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
