"""What the shell and the home folder of a user bring: what is told of it, and with which file and line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from plant_machine import clean_place, env, pip_isaacsim, receipt, two_of_the_launcher, write

from checks import pollution
from finding import Finding, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return clean_place(tmp_path)


def found(place: Place, **values: str) -> list[Finding]:
    """What is found with these variables."""
    return list(pollution.check(env(**values)(place)))


def evidence(place: Place, **values: str) -> dict[str, str]:
    """Ids and evidence."""
    return {finding.id: finding.evidence for finding in found(place, **values)}


def test_the_line_that_sets_a_variable(place: Place) -> None:
    """Comments and names that only end alike do not count."""
    write(place.home / ".profile", "PYTHONPATH=/opt/x\n")
    write(
        place.home / ".bashrc",
        "# export PYTHONPATH=/opt/y\nMY_PYTHONPATH=1\nif true; then export PYTHONPATH=/opt/x; fi\n",
    )
    assert evidence(place, PYTHONPATH="/opt/x") == {
        "pythonpath-set": "PYTHONPATH holds '/opt/x', which is not there (~/.bashrc line 3)"
    }
    (place.home / ".bashrc").write_bytes(b"\xff\xfe no text")
    assert evidence(place, PYTHONPATH="/opt/x")["pythonpath-set"].endswith("(~/.profile line 1)")


def test_conda(place: Place) -> None:
    write(place.home / ".bashrc", "\n# >>> conda initialize >>>\n. /opt/miniconda3/etc/profile.d/conda.sh\n")
    finding = found(place, CONDA_PREFIX="/opt/miniconda3")[0]
    assert finding.evidence == "CONDA_PREFIX is '/opt/miniconda3' (~/.bashrc line 3)"
    assert finding.repair == "conda deactivate"


def test_virtual_environments(place: Place) -> None:
    """The checkout's own is none that matters."""
    assert found(place, VIRTUAL_ENV=str(place.root / ".venv")) == []
    finding = found(place, VIRTUAL_ENV="/opt/env")[0]
    assert (finding.id, finding.evidence, finding.repair) == (
        "conda-base-active",
        "VIRTUAL_ENV is '/opt/env'",
        "deactivate",
    )


def test_entries_of_pythonpath(place: Place) -> None:
    """Folders of Isaac Lab 1 apart; those of ROS are told with ROS."""
    write(place.home / "lib/torch/__init__.py", "")
    write(place.home / "lib/numpy/__init__.py", "")
    (place.home / "mine").mkdir()
    old = "/opt/IsaacLab/source/extensions/omni.isaac.lab"
    value = f"{place.home}/lib:{old}::/opt/ros/humble/lib/python3.10/site-packages:{place.home}/mine"
    assert evidence(place, PYTHONPATH=value) == {
        "pythonpath-old-layout": f"PYTHONPATH holds '{old}'",
        "pythonpath-set": f"PYTHONPATH holds '{place.home}/lib' with torch and numpy in it, '{place.home}/mine'",
    }
    assert found(place, PYTHONPATH="/opt/ros/humble/lib/python3.10/site-packages") == []


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("/usr/local/cuda/lib64", True),
        ("/usr/local/cuda-12.4/targets/x86_64-linux/lib", True),
        ("/usr/local/cuda", True),
        ("/home/me/miniconda3/lib", True),
        ("/opt/env/lib", True),  # the active one
        ("/usr/lib/x86_64-linux-gnu", False),
        ("/usr/local/nvidia/lib64", False),  # a container's driver
        ("/usr/lib/wsl/lib", False),
        ("/opt/barracuda/lib", False),
        ("/opt/ros/humble/lib", False),
    ],
)
def test_library_folders(place: Place, entry: str, told: bool) -> None:
    ids = evidence(place, LD_LIBRARY_PATH=f"/no:{entry}", CONDA_PREFIX="/opt/env")
    assert ("cuda-lib-shadowing" in ids) == told
    if told:
        assert ids["cuda-lib-shadowing"] == f"LD_LIBRARY_PATH holds '{entry}'"


def test_the_embedded_simulator_gets_the_library_path(place: Place) -> None:
    """Which matters to a torch with CUDA only."""
    place = replace(place, aim="mujoco")
    finding = found(place, LD_LIBRARY_PATH="/usr/local/cuda/lib64")[0]
    assert (finding.id, finding.severity, finding.repair) == ("cuda-lib-shadowing", "bites", "unset LD_LIBRARY_PATH")
    receipt(place, "cpu")
    assert found(place, LD_LIBRARY_PATH="/usr/local/cuda/lib64") == []


def test_variables_of_isaac(place: Place) -> None:
    """Those of the Isaac Sim that make uses are as they should be."""
    ours = {"ISAAC_PATH": str(place.isaac), "EXP_PATH": f"{place.isaac}/apps", "CARB_APP_PATH": f"{place.isaac}/kit"}
    assert found(place, **ours) == []
    write(place.home / ".bashrc", "export EXP_PATH=/opt/isaac/apps\n")
    assert evidence(place, **{**ours, "EXP_PATH": "/opt/isaac/apps", "HEADLESS": "1"}) == {
        "isaac-variables-left": "EXP_PATH is '/opt/isaac/apps' (~/.bashrc line 1), HEADLESS is '1'"
    }
    beside = f"{place.isaac}-4.5/kit"
    assert "isaac-variables-left" in evidence(place, CARB_APP_PATH=beside)


def test_ros(place: Place) -> None:
    write(place.home / ".bashrc", "source /opt/ros/jazzy/setup.bash\n")
    assert evidence(place, ROS_DISTRO="jazzy", AMENT_PREFIX_PATH="/opt/ros/jazzy") == {
        "ros-sourced": "ROS_DISTRO is 'jazzy' (~/.bashrc line 1)"
    }


def test_what_only_isaac_sim_is_bothered_by(place: Place) -> None:
    pip_isaacsim(two_of_the_launcher(place))
    write(place.home / ".local/lib/python3.11/site-packages/torch/__init__.py", "")
    place = replace(place, aim="mujoco")
    assert found(place, ROS_DISTRO="jazzy", HEADLESS="1", CARB_APP_PATH="/opt") == []


@pytest.mark.parametrize(
    ("folder", "values"),
    [
        ("home/.local/lib/python3.10/site-packages", {}),
        ("conda/lib/python3.10/site-packages", {"CONDA_PREFIX": "conda"}),
        ("env/lib/python3.11/site-packages", {"VIRTUAL_ENV": "env"}),
        ("packages", {"PYTHONPATH": "packages"}),
    ],
)
def test_where_an_isaac_sim_of_pip_is_seen(place: Place, folder: str, values: dict[str, str]) -> None:
    top = place.root.parent
    values = {name: str(top / value) for name, value in values.items()}
    (top / folder).mkdir(parents=True)
    before = evidence(place, **values)
    write(top / folder / "isaacsim-4.5.0.0.dist-info/METADATA", "")
    write(top / folder / "isaacsim_kernel-4.5.0.0.dist-info/METADATA", "")
    after = evidence(place, **values)
    assert after.pop("apps-isaacsim-4-5-loaded") == f"'{top / folder / 'isaacsim-4.5.0.0'}'"
    assert after == before


def test_one_other_isaac_sim(place: Place) -> None:
    """Alone it is the one; beside that of make it is another; and it may be the one that make was given."""
    other = place.home / ".local/share/ov/pkg/isaac-sim-5.1.0"
    write(other / "python.sh", "")
    (place.home / ".local/share/ov/pkg/isaac-sim-comp-check").mkdir()
    assert found(place) == []
    write(place.isaac / "VERSION", "5.1.0")
    assert evidence(place) == {"several-isaacsim": f"'{other}'"}
    assert found(replace(place, choices={"ISAACSIM_PATH": str(other)})) == []


def test_the_users_own_packages(place: Place) -> None:
    """Those of another release of Python are not seen; a .pth may hold code, comments and what is there."""
    write(place.home / ".local/lib/python3.10/site-packages/torch/__init__.py", "")
    site = place.home / ".local/lib/python3.11/site-packages"
    (site / "here").mkdir(parents=True)
    write(site / "good.pth", f"# none\nimport sys; sys.path\n\nhere\n{place.home}\n")
    assert found(place) == []
    write(site / "bad.pth", f"{place.home}\n/gone/source/isaaclab\n")
    for name in ("numpy", "isaaclab"):
        write(site / name / "__init__.py", "")
    assert evidence(place) == {
        "user-site-shadows": f"isaaclab, numpy in '{site}'",
        "stale-pth": f"'{site / 'bad.pth'}' names '/gone/source/isaaclab'",
    }


def test_paths_that_cannot_be_looked_at(place: Place) -> None:
    """The checks go on: such a path counts as not there."""
    long = "/" + "x" * 300
    names = ("PYTHONPATH", "LD_LIBRARY_PATH", "CONDA_PREFIX", "ISAAC_PATH")
    assert set(evidence(place, **dict.fromkeys(names, long))) == {
        "conda-base-active",
        "pythonpath-set",
        "isaac-variables-left",
    }
    write(place.home / ".local/lib/python3.11/site-packages/x.pth", long + "\n")
    assert "stale-pth" in evidence(place)


def test_no_home(place: Place) -> None:
    gone = replace(place, home=Path("/nonexistent"), env={"PATH": place.env["PATH"], "ROS_DISTRO": "jazzy"})
    assert [finding.id for finding in pollution.check(gone)] == ["ros-sourced"]
