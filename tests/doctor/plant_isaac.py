"""A workstation as set-up leaves it, small, below one folder; and the states that doctor looks for in it.

No script of set-up runs for it. That its receipts are true is seen by `scripts/setup.sh --sim=isaac --check`.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from checks.dist_info import locked
from finding import Place, read_choices, read_pins

SOURCE = Path(__file__).resolve().parents[2]
DOUBLE = SOURCE / "tests/doubles/isaac_sim"
VERSION = "5.1.0-rc.19+release.26219.9c81211b.gl\n"
LAB = ("isaaclab", "isaaclab_assets", "isaaclab_contrib", "isaaclab_mimic", "isaaclab_rl", "isaaclab_tasks")
ROBOT = ("berkeley_humanoid_lite", "berkeley_humanoid_lite_assets")
LOWLEVEL = "berkeley_humanoid_lite_lowlevel"
LOCKED = (
    *("absl-py", "flatdict", "idna", "pillow", "pygments", "rich", "tensorboard", "tensordict", "toml", "tqdm"),
    *("traitlets", "typing-extensions", "wcwidth", "zipp"),
)
ML = "exts/omni.isaac.ml_archive/pip_prebundle"
KIT_ARCHIVE = "extscache/omni.kit.pip_archive-0.0.0+69cbf6ad.lx64.cp311/pip_prebundle"
KIT = "isaaclab.python.headless.kit"
IGNORED = "**/*.egg-info/\n**/__pycache__/\n_isaac_sim*\n"
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9437184\n"
FINDER = """\
from __future__ import annotations

MAPPING: dict[str, str] = {{{name!r}: {folder!r}}}
NAMESPACES: dict[str, list[str]] = {{}}
PATH_PLACEHOLDER = '__editable__.{name}-1.0.finder' + ".__path_hook__"
"""
TORCH = "__version__ = '{}'\ncuda: Optional[str] = '{}'\n"
AGENT = """\
from isaaclab.utils import configclass
from isaaclab_rl.rsl_rl import RslRlOnPolicyRunnerCfg, RslRlPpoActorCriticCfg, RslRlPpoAlgorithmCfg


@configclass
class RunnerCfg(RslRlOnPolicyRunnerCfg):
    num_steps_per_env = 24
    empirical_normalization = False
    policy = RslRlPpoActorCriticCfg(actor_hidden_dims=[256, 128], activation="elu")
    algorithm = RslRlPpoAlgorithmCfg(learning_rate=1.0e-3, schedule="adaptive")
"""
TASK = """\
import gymnasium as gym

from . import agents

gym.register(id="Robot-v0", kwargs={"rsl_rl_cfg_entry_point": agents.rsl_rl_ppo_cfg.RunnerCfg})
"""
RSL_RL_OF_LAB = """\
from .exporter import export_policy_as_jit
from .rl_cfg import *
"""
RL_CFG = """\
class RslRlOnPolicyRunnerCfg: ...
class RslRlPpoActorCriticCfg: ...
class RslRlPpoAlgorithmCfg: ...
class RslRlVecEnvWrapper: ...
"""
SCRIPT = """\
from isaaclab.app import AppLauncher

simulation_app = AppLauncher().app

from isaaclab_rl.rsl_rl import RslRlVecEnvWrapper
from rsl_rl.runners import OnPolicyRunner


def main():
    runner = OnPolicyRunner(RslRlVecEnvWrapper())
    runner.learn(10)


main()
simulation_app.close()
"""
PACKAGE = "source/berkeley_humanoid_lite/berkeley_humanoid_lite/tasks"

Plant = Callable[[Place], Place]


# --- a workstation -------------------------------------------------------------------------------


def clean_place(folder: Path) -> Place:
    """A checkout whose set-up came to its end, and in which nothing is wrong."""
    root = folder / "checkout"
    for pattern in ("scripts/*.sh", "scripts/setup/*.sh", "env/pins.env", "env/isaac*.lock"):
        for path in SOURCE.glob(pattern):
            (root / path.relative_to(SOURCE)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, root / path.relative_to(SOURCE))
    shorten(root / "env/isaac.lock")
    (folder / "home").mkdir()
    (folder / "bin").mkdir()
    shutil.copytree(checkouts(), root / ".isaac", symlinks=True)
    pin(root, "ISAAC_LAB_COMMIT", head(root / ".isaac/IsaacLab"))
    pin(root, "ROBOT_COMMIT", head(root / ".isaac/Berkeley-Humanoid-Lite"))
    write(root / ".isaac/choices", "INSTALL none\n")
    write(root / ".isaac/.isaac-workstation", "")
    write(root / ".isaac/licence", "accepted 2026-01-02T03:04:05Z https://example.com by ACCEPT_EULA=Y\n")
    place = make_place(root, folder)
    isaac_sim(place)
    isaac_lab(place)
    site_packages(place)
    write_receipts(place)
    return place


def shorten(lock: Path) -> None:
    """Leave some packages in a lock; to write 70 takes half a second."""
    lines = [f"{name}=={version}\n" for name, version in locked(lock).items() if name in LOCKED]
    assert len(lines) == len(LOCKED)
    write(lock, "".join(lines))


def make_place(root: Path, folder: Path) -> Place:
    """The place, with programs of the test before those of the machine."""
    return Place(
        root=root,
        env={"HOME": str(folder / "home"), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "TMPDIR": str(folder)},
        home=folder / "home",
        aim="isaac",
        pins=read_pins(root),
        choices=read_choices(root),
        log_root=root / "logs/rsl_rl",
    )


def again(place: Place) -> Place:
    """The place after pins or choices have changed."""
    return make_place(place.root, place.home.parent)


@functools.lru_cache
def _template() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory()
    lab, robot = Path(folder.name, "IsaacLab"), Path(folder.name, "Berkeley-Humanoid-Lite")
    for package in LAB:
        write(lab / "source" / package / package / "__init__.py", "")
    write(lab / "source/isaaclab/isaaclab/utils/io/__init__.py", "from .yaml import dump_yaml, load_yaml\n")
    write(lab / "source/isaaclab_rl/isaaclab_rl/rsl_rl/__init__.py", RSL_RL_OF_LAB)
    write(lab / "source/isaaclab_rl/isaaclab_rl/rsl_rl/rl_cfg.py", RL_CFG)
    write(lab / "source/isaaclab_tasks/isaaclab_tasks/utils/__init__.py", "")
    write(lab / "VERSION", "2.3.2\n")
    write(lab / "apps" / KIT, "# 5.1\n")
    write(lab / "apps/isaacsim_4_5" / KIT, "# 4.5\n")
    write(lab / ".gitignore", IGNORED)
    for name in (ROBOT[1], LOWLEVEL):
        write(robot / "source" / name / name / "__init__.py", "")
    paths = [f"source/{name}" for name in (ROBOT[1], LOWLEVEL)]
    modules = [
        f'[submodule "{path}"]\n\tpath = {path}\n\turl = git@github.com:owner/{path[7:]}.git\n' for path in paths
    ]
    write(robot / ".gitmodules", "".join(modules))
    write(robot / PACKAGE / "__init__.py", TASK)
    write(robot / PACKAGE / "agents/rsl_rl_ppo_cfg.py", AGENT)
    write(robot / "source" / ROBOT[0] / ROBOT[0] / "__init__.py", "")
    write(robot / "source" / ROBOT[1] / "data/robot.usd", "#usda 1.0\n")
    write(robot / "scripts/rsl_rl/train.py", SCRIPT)
    for checkout in (lab, robot):
        git(checkout, "init", "--quiet", "--template=", "--initial-branch=main")
        commit(checkout)
    return folder


def checkouts() -> Path:
    """Isaac Lab and the robot as git checkouts; made once."""
    return Path(_template().name)


def isaac_sim(place: Place) -> None:
    """What checks look at of Isaac Sim."""
    sim = place.isaac
    for name in ("python.sh", "setup_python_env.sh"):
        sim.mkdir(parents=True, exist_ok=True)
        shutil.copy2(DOUBLE / name, sim / name)
    write(sim / "VERSION", VERSION)
    (sim / "exts/isaacsim.simulation_app").mkdir(parents=True)
    write(sim / ML / "torch/__init__.py", "")
    write(sim / ML / "torch/version.py", TORCH.format(place.pins["ISAAC_TORCH"], "12.8"))
    metadata(sim / ML, "torch", place.pins["ISAAC_TORCH"])
    write(sim / KIT_ARCHIVE / "numpy/__init__.py", "__version__ = '1.26.0'\n")
    metadata(sim / KIT_ARCHIVE, "numpy", "1.26.0")
    metadata(sim / KIT_ARCHIVE, "typing-extensions", "4.10.0")  # another than the lock's, bundled


def isaac_lab(place: Place) -> None:
    """Link and kits."""
    (place.lab / "_isaac_sim").symlink_to(place.isaac)
    for name, text in ((KIT, "# 5.1\n"), (".isaac-workstation", "made\n"), (".gitignore", "*\n")):
        write(place.lab / "apps/isaacsim_5_1" / name, text)


def site_packages(place: Place) -> None:
    """The packages of the lock but one that is bundled, rsl_rl, and what is editable."""
    site, packages, robots = place.isaac_site, [], []
    for name, version in locked(place.root / "env/isaac.lock").items():
        if name != "typing-extensions":
            packages.append(metadata(site, name, version))
    packages.append(metadata(site, "rsl_rl", place.rsl_rl))
    write(site / "rsl_rl/__init__.py", "")
    write(site / "rsl_rl/modules/__init__.py", "from .actor_critic import ActorCritic\n")
    write(site / "rsl_rl/runners/__init__.py", "from .on_policy_runner import OnPolicyRunner\n")
    write(site / "distutils-precedence.pth", "import os\n")
    packages += [editable(site, name, place.lab / "source" / name) for name in LAB]
    assert place.robot is not None
    robots += [editable(site, name, place.robot / "source" / name) for name in ROBOT]
    for step, entries in (("packages", packages), ("robot", robots)):
        write(place.state / f"dists-{step}", "".join(f"{entry}\n" for entry in entries))
        write(place.state / f"files-{step}", "")


def metadata(site: Path, name: str, version: str) -> str:
    """Put the metadata of a package into a folder, and return their name."""
    entry = f"{name.replace('-', '_')}-{version}.dist-info"
    write(site / entry / "METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return entry


def editable(site: Path, name: str, source: Path) -> str:
    """Install a package editable, as pip and setuptools do."""
    entry = metadata(site, name, "1.0")
    write(site / entry / "direct_url.json", f'{{"dir_info": {{"editable": true}}, "url": "{source.as_uri()}"}}')
    write(site / f"__editable__.{name}-1.0.pth", f"import __editable___{name}_1_0_finder\n")
    write(site / f"__editable___{name}_1_0_finder.py", FINDER.format(name=name, folder=str(source / name)))
    return entry


def write_receipts(place: Place) -> None:
    """What the steps of set-up write at their end."""
    pins, env = place.pins, place.root / "env"
    robot = place.root / ".isaac/Berkeley-Humanoid-Lite"
    source = pins["ISAAC_RSL_RL_COMMIT"] if place.rsl_rl == pins["ISAAC_RSL_RL"] else digest(env / "isaac-rsl_rl.lock")
    texts = {
        "isaac_sim": f"path {place.isaac}\nown 1\nversion {pins['ISAAC_SIM']}\n",
        "isaac_lab": f"path {place.lab}\nown 1\ncommit {pins['ISAAC_LAB_COMMIT']}\nsim {place.isaac}\n"
        f"importer {pins['URDF_IMPORTER']}\nassets none\nscript {digest(place.root / 'scripts/setup/isaac_lab.sh')}\n"
        f"head {head(place.lab)}\n",
        "packages": f"sim {place.isaac}\nlab {place.lab}\nlock {digest(env / 'isaac.lock')}\n"
        f"build {digest(env / 'isaac-build.lock')}\nrsl_rl {place.rsl_rl} {source}\n",
        "robot": f"path {robot}\nsim {place.isaac}\ncommit {pins['ROBOT_COMMIT']}\nhead {head(robot)}\n",
    }
    for step, text in texts.items():
        write(place.state / f"receipt-{step}", text)
    lines = [f"{step} {digest(place.state / f'receipt-{step}')}\n" for step in texts]
    write(place.state / "receipt-verify", "".join([*lines, f"robot {robot}\n"]))


# --- tools ---------------------------------------------------------------------------------------


def write(path: Path, text: str) -> None:
    """Write a file with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def change(path: Path, old: str, new: str) -> None:
    """Change a text that is in a file once."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


def digest(path: Path) -> str:
    """A file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pin(root: Path, name: str, value: str) -> None:
    """Change one pin of a checkout."""
    path = root / "env/pins.env"
    text, count = re.subn(rf"^{name}=.*$", f"{name}={value}", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count == 1
    path.write_text(text, encoding="utf-8")


def git(folder: Path, *words: str) -> str:
    """Run git, without the settings of this machine."""
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ["-c", "user.name=Tests", "-c", "user.email=tests@localhost"]
    return subprocess.run(
        ["git", *who, *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def commit(folder: Path) -> None:
    """Commit all that is there."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "All")


def head(folder: Path) -> str:
    """The commit that is checked out, as git says it."""
    return git(folder, "rev-parse", "HEAD")


def program(place: Place, name: str, text: str) -> None:
    """Put a program in front of the machine's."""
    path = place.home.parent / "bin" / name
    write(path, f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def robot_of(place: Place) -> Path:
    """The robot project, which is there."""
    assert place.robot is not None
    return place.robot


# --- states --------------------------------------------------------------------------------------


def isaac_gone(place: Place) -> Place:
    shutil.rmtree(place.isaac)
    return place


def other_isaac(place: Place) -> Place:
    write(place.isaac / "VERSION", "4.5.0-rc.36+release.19112.f59b3005.gl\n")
    return place


def no_extension(place: Place) -> Place:
    write(place.isaac / "exts/other/README.md", "")
    (place.isaac / "exts/isaacsim.simulation_app").rmdir()
    return place


def no_extensions(place: Place) -> Place:
    shutil.rmtree(place.isaac / "extscache")
    return place


def other_python(place: Place) -> Place:
    library = place.isaac / "kit/python/lib"
    (library / "python3.11").rename(library / "python3.10")
    return place


def unfinished(place: Place) -> Place:
    for step in ("packages", "robot", "verify"):
        (place.state / f"receipt-{step}").unlink()
    return place


def no_licence(place: Place) -> Place:
    (place.state / "licence").unlink()
    return place


def moved_pins(place: Place) -> Place:
    with open(place.root / "env/isaac.lock", "a", encoding="utf-8") as stream:
        stream.write("# later\n")
    return place


def no_link(place: Place) -> Place:
    (place.lab / "_isaac_sim").unlink()
    return place


def lab_gone(place: Place) -> Place:
    shutil.rmtree(place.lab)
    return place


def main_branch(place: Place) -> Place:
    write(place.lab / "VERSION", "3.0.0\n")
    commit(place.lab)
    write_receipts(place)
    return place


def other_lab_commit(place: Place) -> Place:
    write(place.lab / "docs/mine.rst", "mine\n")
    commit(place.lab)
    write_receipts(place)
    return place


def changed_lab(place: Place) -> Place:
    write(place.lab / "source/isaaclab/isaaclab/__init__.py", "mine = 1\n")
    return place


def kits_of_4_5(place: Place) -> Place:
    shutil.rmtree(place.lab / "apps/isaacsim_5_1")
    shutil.copytree(place.lab / "apps/isaacsim_4_5", place.lab / "apps/isaacsim_5_1")
    return place


def without(*names: str) -> Plant:
    """Packages that are gone from Isaac Sim's Python."""

    def plant(place: Place) -> Place:
        for name in names:
            for path in place.isaac_site.glob(f"{name}-*.dist-info"):
                shutil.rmtree(path)
        return place

    return plant


def other_version(place: Place) -> Place:
    without("tqdm")(place)
    metadata(place.isaac_site, "tqdm", "4.1.0")
    return place


def numpy_2(place: Place) -> Place:
    write(place.isaac_site / "numpy/__init__.py", "")
    write(place.isaac_site / "numpy/version.py", 'version = "2.2.1"\n__version__ = version\n')
    metadata(place.isaac_site, "numpy", "2.2.1")
    return place


def torch_in_site(place: Place, version: str = "2.9.0", cuda: str = "12.8") -> Place:
    write(place.isaac_site / "torch/__init__.py", "")
    write(place.isaac_site / "torch/version.py", TORCH.format(version, cuda))
    metadata(place.isaac_site, "torch", version)
    return place


def torch_without_blackwell(place: Place) -> Place:
    program(place, "nvidia-smi", "echo 12.0")
    return torch_in_site(place, "2.7.0+cu126", "12.6")


def copied_lab(place: Place) -> Place:
    write(place.isaac_site / "isaaclab/__init__.py", "")
    return place


def editable_elsewhere(place: Place) -> Place:
    editable(place.isaac_site, "isaaclab_tasks", place.root.parent / "old/IsaacLab/source/isaaclab_tasks")
    return place


def pip_isaacsim(version: str) -> Plant:
    """Isaac Sim from pip."""

    def plant(place: Place) -> Place:
        metadata(place.isaac_site, "isaacsim", version)
        metadata(place.isaac_site, "isaacsim-kernel", version)
        write(place.isaac_site / "isaacsim/__init__.py", "")
        return place

    return plant


def two_rsl_rl(place: Place) -> Place:
    metadata(place.isaac_site, "rsl-rl-lib", "3.1.2")
    return place


def no_rsl_rl(place: Place) -> Place:
    shutil.rmtree(place.isaac_site / "rsl_rl")
    return without("rsl_rl")(place)


def other_rsl_rl(place: Place) -> Place:
    without("rsl_rl")(place)
    metadata(place.isaac_site, "rsl-rl-lib", "2.3.1")
    return place


def config(old: str, new: str) -> Plant:
    """A change of the robot's agent configuration."""

    def plant(place: Place) -> Place:
        change(robot_of(place) / PACKAGE / "agents/rsl_rl_ppo_cfg.py", old, new)
        return place

    return plant


def lab_scripts(place: Place) -> Place:
    write(place.lab / "scripts/reinforcement_learning/rsl_rl/train.py", SCRIPT)
    return place


def robot_gone(place: Place) -> Place:
    shutil.rmtree(robot_of(place))
    return place


def other_robot_commit(place: Place) -> Place:
    write(robot_of(place) / "NOTES", "mine\n")
    commit(robot_of(place))
    write_receipts(place)
    return place


def changed_robot(place: Place) -> Place:
    write(robot_of(place) / PACKAGE / "__init__.py", TASK + "\n")
    return place


def in_task(text: str) -> Plant:
    """A module of the robot's tasks with such a text."""

    def plant(place: Place) -> Place:
        write(robot_of(place) / PACKAGE / "mine.py", text)
        return place

    return plant


def in_script(old: str, new: str) -> Plant:
    """A change of the robot's own train script."""

    def plant(place: Place) -> Place:
        change(robot_of(place) / "scripts/rsl_rl/train.py", old, new)
        return place

    return plant


def empty_submodule(place: Place) -> Place:
    folder = robot_of(place) / "source" / ROBOT[1]
    shutil.rmtree(folder)
    folder.mkdir()
    return place


def lfs_pointer(place: Place) -> Place:
    write(robot_of(place) / "source" / ROBOT[1] / "data/robot.usd", POINTER)
    return place


def cache_of_another(place: Place) -> Place:
    """A file: whom a folder belongs to says nothing to root, who may run this test."""
    write(place.isaac / "kit/cache", "")
    return place


ISAAC_SIM: dict[str, Plant] = {
    "run-folder-not-writable": cache_of_another,
    "isaac-not-set-up": isaac_gone,
    "isaac-sim-wrong-version": other_isaac,
    "simapp-extension-not-found": no_extension,
    "kit-dependency-solver": no_extensions,
    "python-version-mismatch": other_python,
    "set-up-unfinished": unfinished,
    "licence-not-accepted": no_licence,
    "pins-moved": moved_pins,
}
ISAAC_LAB: dict[str, Plant] = {
    "launcher-python-missing": no_link,
    "isaac-lab-missing": lab_gone,
    "isaaclab-main-checked-out": main_branch,
    "isaac-lab-other-commit": other_lab_commit,
    "isaac-lab-changed": changed_lab,
    "kits-missing": kits_of_4_5,
}
PACKAGES: dict[str, Plant] = {
    "isaaclab-missing": without("isaaclab"),
    "flatdict-pkg-resources": without("flatdict"),
    "rsl-deps-missing": without("tensordict", "tensorboard"),
    "packages-missing": without("tqdm"),
    "pip-dependency-conflict": other_version,
    "numpy2-abi": numpy_2,
    "torch-replaced": torch_in_site,
    "torch-no-sm120": torch_without_blackwell,
    "wrong-isaaclab-imported": copied_lab,
    "editable-points-to-old-path": editable_elsewhere,
    "apps-isaacsim-4-5-loaded": pip_isaacsim("4.5.0.0"),
    "isaacsim-from-pip": pip_isaacsim("5.1.0.0"),
}
RSL_RL: dict[str, Plant] = {
    "two-rsl-rl": two_rsl_rl,
    "rsl-rl-missing": no_rsl_rl,
    "rsl-rl-other-release": other_rsl_rl,
    "rsl-rl-stale-folder": without("rsl_rl"),
    "rsl-config-wants-newer": config('activation="elu"', 'activation="gelu"'),
    "lab-scripts-want-other-rsl-rl": lab_scripts,
}
ROBOT_PROJECT: dict[str, Plant] = {
    "robot-missing": robot_gone,
    "robot-other-commit": other_robot_commit,
    "robot-changed": changed_robot,
    "submodule-over-ssh": empty_submodule,
    "lfs-pointer-instead-of-usd": lfs_pointer,
    "omni-isaac-lab-renamed": in_task("import omni.isaac.lab.sim as sim_utils\n"),
    "task-wrappers-moved": in_task("from isaaclab_tasks.utils.wrappers.rsl_rl import RslRlOnPolicyRunnerCfg\n"),
    "dump-pickle-removed": in_task("from isaaclab.utils.io import dump_pickle, dump_yaml\n"),
    "isaaclab-rl-too-old": in_task("from isaaclab_rl.rsl_rl import RslRlMLPModelCfg\n"),
    "project-requirement-missing": in_task("import json, no_such_package, torch\nfrom xml import etree\n"),
    "rsl-class-import-gone": in_task("from rsl_rl.modules import EmpiricalNormalization\n"),
    "rsl-normalizer-moved": in_script("runner.learn(10)", "runner.learn(10)\n    print(runner.obs_normalizer)"),
    "rsl-alg-policy-attribute": in_script("runner.learn(10)", "runner.learn(10)\n    print(runner.alg.policy)"),
    "failed-run-exits-zero": in_script(
        "main()\nsimulation_app.close()", "try:\n    main()\nfinally:\n    simulation_app.close()"
    ),
}
PLANTED: dict[str, Plant] = {**ISAAC_SIM, **ISAAC_LAB, **PACKAGES, **RSL_RL, **ROBOT_PROJECT}
