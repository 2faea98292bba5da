"""What installers print."""

from __future__ import annotations

from collections.abc import Sequence

from .kit import LAB, SITE


def wget(percents: Sequence[int]) -> str:
    """A download as wget logs it where there is no terminal."""
    text = "--2026-03-14 08:02:11--  https://example.org/isaac-sim-standalone-5.1.0-linux-x86_64.zip\n"
    text += "Resolving example.org... 192.0.2.7\nConnecting to example.org|192.0.2.7|:443... connected.\n"
    text += "HTTP request sent, awaiting response... 200 OK\nLength: 7956218437 (7.4G) [application/zip]\n"
    text += "Saving to: 'isaac-sim-standalone-5.1.0-linux-x86_64.zip'\n\n"
    for percent in percents:
        text += "{:>8}K {} {:>2}% 41.8M {}s\n".format(77697 * percent, " ".join(["." * 10] * 5), percent, 180 - percent)
    return text


def apt(packages: Sequence[str]) -> str:
    """An install of system packages."""
    text = "Reading package lists...\nBuilding dependency tree...\nReading state information...\n"
    text += "The following NEW packages will be installed:\n  {}\n".format(" ".join(packages))
    text += f"0 upgraded, {len(packages)} newly installed, 0 to remove and 12 not upgraded.\n"
    for name in packages:
        text += f"Selecting previously unselected package {name}.\nPreparing to unpack .../{name}_amd64.deb ...\n"
        text += f"Unpacking {name} ...\nSetting up {name} ...\n"
    return text + "Processing triggers for libc-bin ...\n"


def collected(names: Sequence[str], requirer: str) -> str:
    """What pip says about packages that it finds installed, and those it fetches."""
    text = ""
    for index, name in enumerate(names):
        if index % 3:
            text += f"Requirement already satisfied: {name} in {SITE} (from {requirer}) (1.{index}.0)\n"
        else:
            wheel = f"{name}-1.{index}.0-py3-none-any.whl"
            text += f"Collecting {name} (from {requirer})\n  Using cached {wheel}.metadata (9.9 kB)\n"
    return text


def installing_lab() -> str:
    """isaaclab.sh --install, up to the package isaaclab itself."""
    text = "[INFO] Installing extensions inside the Isaac Lab repository...\n"
    for name in ("isaaclab_assets", "isaaclab_mimic"):
        text += f"\t module: {LAB}/source/{name}\nObtaining file://{LAB}/source/{name}\n"
        text += (
            "  Installing build dependencies ... done\n  Checking if build backend supports build_editable ... done\n"
        )
        text += "  Getting requirements to build editable ... done\n"
        text += "  Preparing editable metadata (pyproject.toml) ... done\n"
        text += f"Building wheels for collected packages: {name}\n"
        text += f"  Building editable for {name} (pyproject.toml) ... done\n"
        text += (
            f"Successfully built {name}\nInstalling collected packages: {name}\nSuccessfully installed {name}-0.2.4\n"
        )
    text += f"\t module: {LAB}/source/isaaclab\nObtaining file://{LAB}/source/isaaclab\n"
    text += "  Installing build dependencies ... done\n  Preparing editable metadata (pyproject.toml) ... done\n"
    return text + collected(
        (
            "numpy<2",
            "torch>=2.7",
            "onnx>=1.18.0",
            "prettytable==3.3.0",
            "toml",
            "hidapi==0.14.0.post2",
            "gymnasium==1.2.1",
            "trimesh",
            "pyglet<2",
            "transformers",
            "einops",
            "warp-lang",
            "pillow==11.3.0",
            "starlette==0.45.3",
        ),
        "isaaclab==0.54.2",
    )
