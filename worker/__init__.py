"""The worker. Imported before torch, whose threads read the environment once."""

import os

# By GNU OpenMP's default, threads wait in a busy loop for milliseconds: fastest on a quiet machine, but four times
# slower than need be as soon as anything else wants one of the processors. This waits some microseconds, then sleeps.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
