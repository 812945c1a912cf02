"""What docs/notebook.md shows, run as it stands, in a fresh interpreter: it prints what is written below it."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.bench import ROOT


def test_the_notebook_prints_what_it_says() -> None:
    blocks = re.findall(r"```(python)?\n(.*?)```", (ROOT / "docs" / "notebook.md").read_text(), re.DOTALL)
    program = "".join(text for language, text in blocks if language)
    printed = "".join(text for language, text in blocks if not language)
    assert len(re.findall(r"^print\(", program, re.MULTILINE)) == printed.count("\n") == 3
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout) == (0, printed), done.stderr
