"""The list in docs/security.md as far as it is files; tests/hostile/test_uploads.py has the rest."""

from __future__ import annotations

from tests.hostile import bombs, lies, oddities

CASES = [*lies.CASES, *bombs.CASES, *oddities.CASES]
