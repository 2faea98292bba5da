"""Doctor on the packages of Isaac Sim's own Python, and on rsl_rl there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import plant_isaac as plant
import pytest

from checks import agent_config, dist_info, editable, packages, rsl_rl
from finding import Finding, Place
from runners.learners.rsl_rl import agent, config


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return plant.clean_place(tmp_path)


@pytest.fixture(scope="module")
def one_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """For tests that write the same file anew."""
    return plant.clean_place(tmp_path_factory.mktemp("place"))


def with_config(place: Place, old: str, new: str) -> Place:
    assert plant.AGENT.count(old) == 1
    plant.write(plant.robot_of(place) / plant.PACKAGE / "agents/rsl_rl_ppo_cfg.py", plant.AGENT.replace(old, new))
    return place


def findings(place: Place) -> list[Finding]:
    return [*packages.check(place), *rsl_rl.check(place)]


def only(place: Place) -> Finding:
    [finding] = findings(place)
    return finding


def test_clean_packages_have_no_findings(place: Place) -> None:
    assert findings(place) == []


@pytest.mark.parametrize("name", [*plant.PACKAGES, *plant.RSL_RL])
def test_a_state_is_found_and_is_one_finding(place: Place, name: str) -> None:
    assert only(plant.PLANTED[name](place)).id == name


@pytest.mark.parametrize("name", [*plant.PACKAGES, *plant.RSL_RL])
def test_nothing_is_said_of_packages_before_they_are_installed(place: Place, name: str) -> None:
    plant.PLANTED[name](place)
    (place.state / "receipt-packages").unlink()
    expected = [name] if name in ("rsl-config-wants-newer", "lab-scripts-want-other-rsl-rl") else []
    assert [finding.id for finding in findings(place)] == expected


def test_a_wiped_site_packages_is_one_finding(place: Place) -> None:
    shutil.rmtree(place.isaac_site)
    place.isaac_site.mkdir()
    finding = only(place)
    assert finding.id == "packages-missing" and finding.repair == "make setup"
    assert finding.evidence.startswith("absl-py, ") and ", … (" in finding.evidence


def test_at_most_five_are_named(place: Place) -> None:
    names = ("tqdm", "rich", "pygments", "traitlets", "wcwidth", "zipp", "idna")
    plant.without(*names)(place)
    assert only(place).evidence.startswith("idna, pygments, rich, tqdm, traitlets, … (7 in all) not in")


def test_metadata_without_their_file_are_none(place: Place) -> None:
    for file in place.isaac_site.glob("tqdm-*/METADATA"):
        file.unlink()
    assert only(place).id == "packages-missing"


def test_what_set_up_did_not_move_in_is_installed_without_its_receipt(place: Place) -> None:
    plant.change(place.state / "dists-packages", "tqdm-4.67.3.dist-info\n", "")
    plant.without("tqdm")(place)
    assert only(place).repair == f"rm '{place.state}/receipt-packages', then: make setup"


def test_a_package_of_the_robot_that_is_gone(place: Place) -> None:
    plant.without("berkeley_humanoid_lite")(place)
    assert only(place).id == "packages-missing" and "berkeley-humanoid-lite" in only(place).evidence


def test_what_isaac_sim_bundles_may_be_of_another_version(place: Place) -> None:
    plant.without("pillow")(place)
    plant.change(place.state / "dists-packages", "pillow-11.3.0.dist-info\n", "")
    plant.metadata(place.isaac / plant.KIT_ARCHIVE, "pillow", "10.0.0")
    assert findings(place) == []


def test_another_version_in_front_of_a_bundled_one(place: Place) -> None:
    plant.metadata(place.isaac_site, "typing-extensions", "4.1.0")
    finding = only(place)
    assert finding.evidence == "typing-extensions 4.1.0 (the lock has 4.15.0)" and finding.severity == ""
    assert finding.repair.startswith("rm ")


def test_another_version_of_what_set_up_moved_in_stops(place: Place) -> None:
    finding = only(plant.other_version(place))
    assert (finding.severity, finding.repair) == ("stops", "make setup")


def test_a_bundled_torch_of_another_build(place: Place) -> None:
    plant.write(place.isaac / plant.ML / "torch/version.py", plant.TORCH.format("2.7.0+cu126", "12.6"))
    finding = only(place)
    assert finding.id == "torch-replaced" and finding.repair == f"rm -r '{place.isaac}', then: make setup"
    assert finding.set_aside == ()


@pytest.mark.parametrize(("module", "name"), [("torch", "torch-replaced"), ("numpy", "numpy2-abi")])
def test_a_bundled_module_that_pip_removed(place: Place, module: str, name: str) -> None:
    for folder in (plant.ML, plant.KIT_ARCHIVE):
        shutil.rmtree(place.isaac / folder / module, ignore_errors=True)
    assert only(place).id == name and "is gone" in only(place).what


def test_what_stands_in_front_has_only_to_go(place: Place) -> None:
    finding = only(plant.torch_in_site(place))
    site = place.isaac_site
    assert finding.set_aside == (site / "torch", site / "torch-2.9.0.dist-info")
    assert finding.repair == f"rm -r '{site}/torch' '{site}/torch-2.9.0.dist-info'"
    for path in finding.set_aside:
        shutil.rmtree(path)
    assert findings(place) == []


def test_a_torch_of_the_same_build_is_only_a_note(place: Place) -> None:
    plant.torch_in_site(place, place.pins["ISAAC_TORCH"])
    assert only(place).severity == "note" and "second torch" in only(place).what
    shutil.rmtree(place.isaac / plant.ML / "torch")
    assert findings(place) == []


def test_a_numpy_1_in_front_is_none_of_that(place: Place) -> None:
    plant.write(place.isaac_site / "numpy/__init__.py", "__version__ = '1.26.4'\n")
    assert findings(place) == []


def test_code_counts_before_metadata(place: Place) -> None:
    plant.metadata(place.isaac_site, "numpy", "2.2.1")
    assert findings(place) == []


@pytest.mark.parametrize("answer", ["echo 8.9", "exit 9", "echo 'No devices were found'"])
def test_an_older_gpu_knows_the_older_build(place: Place, answer: str) -> None:
    plant.program(place, "nvidia-smi", answer)
    plant.torch_in_site(place, "2.7.0+cu126", "12.6")
    assert only(place).id == "torch-replaced"


def test_nvidia_smi_is_asked_only_for_an_older_build(place: Place) -> None:
    plant.program(place, "nvidia-smi", f"touch '{place.root}/asked'; echo 12.0")
    assert findings(place) == [] and not (place.root / "asked").exists()


def test_an_isaaclab_from_a_wheel(place: Place) -> None:
    plant.without("isaaclab")(place)
    plant.metadata(place.isaac_site, "isaaclab", "2.3.2.post1")
    assert only(place).id == "wrong-isaaclab-imported" and "2.3.2.post1" in only(place).evidence


@pytest.mark.parametrize("kind", ["pth", "finder", "direct_url"])
def test_each_record_of_an_old_path_is_read(place: Place, kind: str) -> None:
    old = "/somewhere/else/IsaacLab/source/isaaclab_rl"
    site = place.isaac_site
    if kind == "pth":
        plant.write(site / "__editable__.isaaclab_rl-1.0.pth", old + "\n")
    elif kind == "finder":
        plant.write(
            site / "__editable___isaaclab_rl_1_0_finder.py", plant.FINDER.format(name="isaaclab_rl", folder=old)
        )
    else:
        record = {"dir_info": {"editable": True}, "url": "file://" + old}
        plant.write(site / "isaaclab_rl-1.0.dist-info/direct_url.json", json.dumps(record))
    assert only(place).id == "editable-points-to-old-path" and old in only(place).evidence
    assert only(place).severity == ""


def test_paths_with_letters_beyond_ascii(tmp_path: Path) -> None:
    (tmp_path / "mön checkout").mkdir()
    assert findings(plant.clean_place(tmp_path / "mön checkout")) == []


def test_projects_of_the_users_own_may_be_editable(place: Place) -> None:
    plant.editable(place.isaac_site, "my_robot", place.root.parent / "my_robot")
    assert only(place).severity == "note" and only(place).repair.endswith("uninstall my-robot")
    plant.write(place.root.parent / "my_robot/my_robot/__init__.py", "")
    assert findings(place) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"dir_info": 1}', '{"dir_info": {"editable": true}}', "\0"])
def test_a_damaged_direct_url_does_no_harm(place: Place, text: str) -> None:
    plant.write(place.isaac_site / "toml-0.10.2.dist-info/direct_url.json", text)
    assert findings(place) == []


def test_damaged_finders_do_no_harm(place: Place) -> None:
    plant.write(place.isaac_site / "__editable___x_finder.py", "MAPPING: dict[str, str] = {'a': open('b')}\n")
    assert list(editable.targets(place.isaac_site))
    assert findings(place) == []


def test_bundled_folders_are_those_of_isaac_sims_own_script(place: Place) -> None:
    listed = [str(path.relative_to(place.isaac)) for path in dist_info.bundled_folders(place.isaac)]
    assert listed == [plant.KIT_ARCHIVE, plant.ML]
    plant.write(place.isaac / "kit/exts/omni.kit.pip_archive/pip_prebundle/x", "")
    line = "export PYTHONPATH=$PYTHONPATH:$SCRIPT_DIR/kit/exts/omni.kit.pip_archive/pip_prebundle:$SCRIPT_DIR/"
    plant.write(place.isaac / "setup_python_env.sh", f"{line}{plant.ML}\n")
    listed = [str(path.relative_to(place.isaac)) for path in dist_info.bundled_folders(place.isaac)]
    assert listed == ["kit/exts/omni.kit.pip_archive/pip_prebundle", plant.ML, plant.KIT_ARCHIVE]


@pytest.mark.parametrize(
    ("entry", "name", "version"),
    [
        ("torch-2.7.0+cu128.dist-info", "torch", "2.7.0+cu128"),
        ("antlr4_python3_runtime-4.9.3.dist-info", "antlr4-python3-runtime", "4.9.3"),
        ("zope.interface-5.4-py3.11.egg-info", "zope-interface", "5.4"),
        ("osqp-0.6.7.post3.dist-info", "osqp", "0.6.7.post3"),
    ],
)
def test_names_and_versions_of_metadata(tmp_path: Path, entry: str, name: str, version: str) -> None:
    plant.write(tmp_path / entry / "PKG-INFO", "")
    [found] = dist_info.installed(tmp_path)
    assert (found.name, found.version) == (name, version)


# --- rsl_rl --------------------------------------------------------------------------------------


def test_what_pip_could_not_remove_is_only_a_note(place: Place) -> None:
    plant.write(place.isaac_site / "~sl_rl/__init__.py", "")
    finding = only(place)
    assert (finding.id, finding.severity) == ("rsl-rl-stale-folder", "note")
    assert finding.set_aside == (place.isaac_site / "~sl_rl",)


def test_the_other_choice_of_set_up(place: Place) -> None:
    plant.write(place.state / "choices", "RSL_RL 3.1.2\n")
    place = plant.again(place)
    assert only(place).id == "rsl-rl-other-release"
    shutil.rmtree(next(place.isaac_site.glob("rsl_rl-*")))
    plant.change(place.state / "dists-packages", "rsl_rl-1.0.2.dist-info", "rsl_rl_lib-3.1.2.dist-info")
    plant.metadata(place.isaac_site, "rsl-rl-lib", "3.1.2")
    assert [finding.id for finding in findings(place)] == ["rsl-deps-missing", "packages-missing"]
    for name, version in (("gitpython", "3.1.46"), ("gitdb", "4.0.12"), ("smmap", "5.0.2")):
        plant.metadata(place.isaac_site, name, version)
    plant.lab_scripts(place)
    assert findings(place) == []


CALL = "learning_rate=1.0e-3"
REFUSED = [
    (CALL, "learning_rate=1.0e-3, rnd_cfg=RslRlRndCfg(weight=0.1)", "2.2.4"),
    (CALL, "learning_rate=1.0e-3, symmetry_cfg={'use_data_augmentation': True}", "3.0.1"),
    (CALL, "learning_rate=1.0e-3, normalize_advantage_per_mini_batch=True", "2.2.3"),
    (CALL, "learning_rate=1.0e-3, optimizer='adamw'", "4.0.0"),
    ("RslRlPpoActorCriticCfg(actor", "RslRlPpoActorCriticRecurrentCfg(rnn_type='lstm', actor", "2.0.0"),
    ("RslRlPpoActorCriticCfg(actor", "RslRlPpoActorCriticCfg(state_dependent_std=True, actor", "3.1.1"),
    ("[256, 128]", "[-1, 128]", "3.0.0"),
    ('"elu"', '"CReLU"', "2.2.0"),
    ("num_steps_per_env = 24", "def __post_init__(self):\n        self.policy.activation = 'mish'", "3.0.0"),
]
TRANSLATED = [
    (CALL, "learning_rate=1.0e-3, rnd_cfg=None, symmetry_cfg=None, normalize_advantage_per_mini_batch=False"),
    (CALL, "learning_rate=1.0e-3, class_name='PPO', optimizer='adam'"),
    ("empirical_normalization = False", "empirical_normalization = True\n    obs_groups = {'policy': ['policy']}"),
    ("RslRlPpoActorCriticCfg(actor", "RslRlPpoActorCriticCfg(actor_obs_normalization=True, actor"),
    ("RslRlPpoActorCriticCfg(actor", "RslRlPpoActorCriticCfg(noise_std_type='log', class_name='ActorCritic', actor"),
    ('"elu"', '"TANH"'),
    ("num_steps_per_env = 24", "clip_actions = 100.0"),
]


@pytest.mark.parametrize(("old", "new", "first"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_the_learner_refuses_is_found(one_place: Place, old: str, new: str, first: str) -> None:
    finding = only(with_config(one_place, old, new))
    assert finding.id == "rsl-config-wants-newer" and f"since rsl_rl {first}; chosen is 1.0.2" in finding.evidence
    assert finding.severity == "" and "agents/rsl_rl_ppo_cfg.py:" in finding.evidence
    assert finding.repair == ("" if first == "4.0.0" else "make setup RSL_RL=3.1.2")


@pytest.mark.parametrize(("old", "new"), TRANSLATED, ids=[row[1] for row in TRANSLATED])
def test_what_the_learner_translates_is_not(one_place: Place, old: str, new: str) -> None:
    assert findings(with_config(one_place, old, new)) == []


def test_a_release_that_has_it_is_enough(place: Place) -> None:
    files = [plant.robot_of(place) / plant.PACKAGE / "agents/rsl_rl_ppo_cfg.py"]
    plant.config('"elu"', '"gelu"')(place)
    [need] = agent_config.needs(files[0])
    assert need.is_more_than("2.3.3") and not need.is_more_than("3.0.0") and not need.is_more_than("3.1.2")


def test_another_entry_point_only_bites(place: Place) -> None:
    plant.config("class RunnerCfg", "class OtherCfg(RslRlOnPolicyRunnerCfg): ...\n\n\nclass RunnerCfg")(place)
    plant.config("OtherCfg(RslRlOnPolicyRunnerCfg): ...", "OtherCfg(RslRlDistillationRunnerCfg): ...")(place)
    finding = only(place)
    assert finding.severity == "bites" and "distillation: not supported with any rsl_rl" in finding.evidence
    assert "make setup" not in finding.repair and "learner here does not have" in finding.what


@pytest.mark.parametrize(
    ("tasks", "found"),
    [
        ({"A-v0": "Old", "B-v0": "New"}, set()),
        ({"A-v0": "Old", "B-v0": "Old"}, {"Old"}),
        ({"A-v0": "Old", "Velocity-Berkeley-Humanoid-Lite-v0": "New"}, {"New"}),
    ],
)
def test_what_only_another_task_names_stops_no_run(tmp_path: Path, tasks: dict[str, str], found: set[str]) -> None:
    lines = [
        f'register(id={task!r}, kwargs={{"rsl_rl_cfg_entry_point": "m:{name}"}})\n' for task, name in tasks.items()
    ]
    plant.write(tmp_path / "a.py", "".join(lines))
    assert agent_config.default_classes([tmp_path / "a.py"]) == found


@pytest.mark.parametrize(
    "value",
    ['"robot.agents.rsl_rl_ppo_cfg:RunnerCfg"', 'f"{agents.__name__}.rsl_rl_ppo_cfg:RunnerCfg"', "agents.RunnerCfg"],
)
def test_every_way_of_naming_a_configuration(tmp_path: Path, value: str) -> None:
    plant.write(tmp_path / "a.py", f'register(kwargs={{"rsl_rl_cfg_entry_point": {value}}})\n')
    plant.write(tmp_path / "b.py", f"register(rsl_rl_cfg_entry_point={value})\n")
    for name in ("a.py", "b.py"):
        assert agent_config.default_classes([tmp_path / name]) == {"RunnerCfg"}


def test_the_rules_are_those_of_the_learner() -> None:
    newer = {name: first for name, first in agent.ACTIVATIONS.items() if first != "1.0.2"}
    assert newer == agent_config.ACTIVATIONS
    assert agent_config.SWITCHES["state_dependent_std"] == config.DISTRIBUTIONS[agent.HETEROSCEDASTIC]
    name = "normalize_advantage_per_mini_batch"
    assert agent_config.SWITCHES[name] == config.ALGORITHM[name].first
    assert set(agent_config.POLICIES) == set(agent.POLICIES)
