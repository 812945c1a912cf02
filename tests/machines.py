"""The machines that Atelier says it runs on, as markers and wheels' tags name them."""

from packaging.markers import default_environment
from packaging.tags import mac_platforms

MACHINES = {
    "Linux on x86-64": ("linux", "x86_64", ["manylinux_2_28_x86_64"]),
    "Linux on ARM": ("linux", "aarch64", ["manylinux_2_28_aarch64"]),
    "macOS on Apple silicon": ("darwin", "arm64", list(mac_platforms((14, 0), "arm64"))),
}


def here(minor: int, machine: str) -> dict[str, str]:
    """What markers are evaluated against on CPython 3.`minor` on one of the machines."""
    system, processor, _ = MACHINES[machine]
    return {name: str(value) for name, value in default_environment().items()} | {
        "python_version": f"3.{minor}", "python_full_version": f"3.{minor}.0",
        "sys_platform": system, "platform_system": system.capitalize(), "platform_machine": processor,
    }  # fmt: skip
