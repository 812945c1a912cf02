"""The lock files fit `pyproject.toml`, serve every machine, and are bound to none."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from provenance import lock
from tests.machines import MACHINES, here

PROJECT = tomllib.loads((lock.ROOT / "pyproject.toml").read_text())
WANTED = {lock.LOCK: PROJECT["project"]["dependencies"], lock.BUILD_LOCK: PROJECT["build-system"]["requires"]}
LOCKS = pytest.mark.parametrize("path", WANTED, ids=lambda path: path.name)


@LOCKS
@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_every_dependency_is_locked_within_its_range(minor: int, machine: str, path: Path) -> None:
    environment = here(minor, machine)
    locked = {
        pin.name: pin.version for pin in lock.read(path) if not pin.marker or Marker(pin.marker).evaluate(environment)
    }
    for wanted in map(Requirement, WANTED[path]):
        if wanted.marker is None or wanted.marker.evaluate(environment):
            version = locked.get(canonicalize_name(wanted.name))
            assert version, f"{wanted.name} is not locked: `make lock`"
            assert wanted.specifier.contains(version), f"{wanted} is locked at {version}: `make lock`"


@LOCKS
def test_every_reason_for_a_package_is_locked_or_the_project(path: Path) -> None:
    pins = lock.read(path)
    names = {pin.name for pin in pins}
    for pin in pins:
        packages = {user for user in pin.wanted_by if not user.startswith(("atelier ", "-c "))}
        assert packages <= names, pin


@LOCKS
def test_a_release_of_the_index_is_locked_with_all_its_files(path: Path) -> None:
    """Not a build of this machine, which has a local version, one file or a place on its disk."""
    for pin in lock.read(path):
        assert re.fullmatch(r"[0-9.]+(\.?(post|rc|a|b)[0-9]+)?", pin.version), pin
        assert pin.hashes, pin
    assert not re.search(r"://|/[a-z]+/|^-|@", path.read_text(), re.MULTILINE)


def test_torch_is_locked_for_every_machine_and_python() -> None:
    files = {pin.name: len(pin.hashes) for pin in lock.read(lock.LOCK)}
    assert min(files["torch"], files["torchvision"]) >= len(MACHINES) * 4


def test_what_builds_is_locked_as_what_runs() -> None:
    running = {pin.name: pin.version for pin in lock.read(lock.LOCK)}
    for pin in lock.read(lock.BUILD_LOCK):
        assert running.get(pin.name, pin.version) == pin.version


def test_a_line_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "some.lock"
    path.write_text("brush==1\n    # via atelier (pyproject.toml)\n")
    with pytest.raises(ValueError, match="1 lines that name a package, of which 0"):
        lock.read(path)
