"""`make audit`: whether any vulnerability is known of what is locked, or of what is installed here.

OSV is asked, or whom pip-audit's variables `PIP_AUDIT_VULNERABILITY_SERVICE` and `PIP_AUDIT_OSV_URL` name. All that
this command is called with goes on to pip-audit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Any

from packaging.utils import canonicalize_name

from provenance import lock

TIME_LIMIT_S = 180


class NoAnswerError(Exception):
    """No advisory source could be asked; the message says why, in a line."""


def audit(pins: set[str], options: Sequence[str] = ()) -> list[dict[str, Any]]:
    """What is known about packages, each of them given as `name==version` and in one version.

    Returns:
        pip-audit's entries: `name` with `version` and `vulns`, or with `skip_reason`; one at least has the former.

    Raises:
        NoAnswerError: if the source cannot be reached, does not answer in time, or knows none of the packages.
        RuntimeError: if pip-audit cannot even read what it is to look at.
    """
    with TemporaryDirectory() as folder:
        wanted, report = Path(folder, "wanted.txt"), Path(folder, "report.json")
        wanted.write_text("\n".join(sorted(pins)))
        command = [sys.executable, "-m", "pip_audit", "--requirement", str(wanted), "--no-deps", "--disable-pip"]
        command += ["--progress-spinner", "off", "--timeout", "10", *options]
        environment = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv"} | os.environ
        # It ends with 1 for everything. What is wrong here shows in a dry run; after that only the source can fail.
        rehearsed = subprocess.run([*command, "--dry-run"], env=environment, capture_output=True, text=True)
        if rehearsed.returncode:
            raise RuntimeError(rehearsed.stderr)
        command += ["--format", "json", "--output", str(report)]
        try:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_S)
        except subprocess.TimeoutExpired as late:
            raise NoAnswerError(f"no answer in {TIME_LIMIT_S} s") from late
        if not report.exists():
            raise NoAnswerError(shorten((done.stderr.splitlines() or ["no report"])[-1], 160))
        return answers(json.loads(report.read_text()))


def answers(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of a report by pip-audit, if it is one.

    An index that has no advisories answers 404 to everything, which pip-audit calls “No known vulnerabilities found”.

    Raises:
        NoAnswerError: if the source knew none of the packages.
    """
    entries: list[dict[str, Any]] = report["dependencies"]
    if not any("vulns" in entry for entry in entries):
        raise NoAnswerError("the source knows none of the packages")
    return entries


def main() -> None:
    locked = {f"{pin.name}=={pin.version}" for each in (lock.LOCK, lock.BUILD_LOCK) for pin in lock.read(each)}
    installed = {f"{canonicalize_name(each.name)}=={each.version}" for each in distributions()} - locked
    entries = []
    answered = True
    try:
        # One after the other, because the same package may be there in two versions.
        for pins in (locked, {pin for pin in installed if not pin.startswith("atelier==")}):
            entries += audit(pins, sys.argv[1:])
    except NoAnswerError as why:
        print(f"Known vulnerabilities were not looked for, because no advisory source can be reached: {why}")
        answered = False
    for entry in entries:
        for known in entry.get("vulns", []):
            mended = ", ".join(known["fix_versions"]) or "no release yet"
            print(f"{entry['name']} {entry['version']}: {known['id']}, mended in {mended}", file=sys.stderr)
        if "skip_reason" in entry:
            print(f"{entry['name']} was not looked for: {entry['skip_reason']}")
    if any(entry.get("vulns") for entry in entries):
        sys.exit(
            "Vulnerabilities are known: `make lock UPGRADE=1` takes the releases that mend them, where there are any."
        )
    if answered:
        print(f"No vulnerability is known in {len(entries)} packages.")


if __name__ == "__main__":
    main()
