"""What this project and Berkeley Humanoid Lite take from Isaac Lab 2.3.2 by name is in the sources of its wheel.

So a name that another release of Isaac Lab renames fails here and not with a user. Names that the runners import are
read from them (symbols.py); what they take from environments and configurations has to be in TABLE.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest
from isaac_lab_wheel import isaac_lab_wheel
from symbols import Finding, Lab, Reader, parse, string, uses

pytestmark = pytest.mark.network

ROOT = Path(__file__).resolve().parents[2]
ALL = {
    str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in sorted((ROOT / "runners").rglob("*.py"))
}
TEXTS = {file: text for file, text in ALL.items() if "import mujoco" not in text and "/tasks/" not in file}
"""Without what knows MuJoCo and mjlab only."""

NAMES = "scene sim viewer terrain term term_cfg joint_action action_manager observation_manager _agents app_launcher"
ROLES = {
    **{name: name for name in NAMES.split()},
    **dict.fromkeys(("env", "unwrapped", "base", "env.unwrapped", "env.env"), "env"),
    **dict.fromkeys(("cfg", "env_cfg", "env.cfg", "configs.env"), "cfg"),
    **dict.fromkeys(("configs", "_configs", "read_configs"), "configs"),
    **{f"cfg.{name}": name for name in ("scene", "sim", "viewer", "terrain")},
    **{f"env.{name}": name for name in ("action_manager", "observation_manager")},
    **{"configs.agent": "agent", "scene.terrain": "terrain"},
    **{
        "joint_action._asset": "articulation",
        "joint_action.cfg": "action_cfg",
        "motors": "motors",
        "initial": "initial",
    },
    **{f"articulation.{name}": f"articulation.{name}" for name in ("cfg", "data")},
}
"""What objects are in the runners, by their names. See symbols.uses()."""
MANAGED, DIRECT, AGENTS = (f"isaaclab.envs:{name}" for name in ("ManagerBasedRLEnv", "DirectRLEnv", "DirectMARLEnv"))
ACTIONS = "isaaclab.envs.mdp.actions.joint_actions"
LAUNCHER, PARSE = "isaaclab.app.app_launcher", "isaaclab_tasks.utils.parse_cfg"
OURS = ()
TABLE = (
    ("env", (MANAGED, DIRECT), "cfg num_envs device step_dt max_episode_length single_action_space unwrapped"),
    ("env", (MANAGED, DIRECT), "reset step render close episode_length_buf common_step_counter"),
    ("env", (MANAGED,), "action_manager observation_manager"),
    ("_agents", (AGENTS,), "cfg episode_length_buf common_step_counter"),
    ("action_manager", ("isaaclab.managers:ActionManager",), "total_action_dim active_terms get_term"),
    ("joint_action", (f"{ACTIONS}:JointPositionAction",), "cfg _asset _joint_names _scale _offset"),
    ("action_cfg", ("isaaclab.envs.mdp:JointPositionActionCfg",), "clip"),
    ("articulation", ("isaaclab.assets:Articulation",), "joint_names actuators cfg data"),
    ("articulation.data", ("isaaclab.assets:ArticulationData",), "default_joint_stiffness default_joint_damping"),
    ("articulation.cfg", ("isaaclab.assets:ArticulationCfg",), "init_state"),
    ("initial", ("isaaclab.assets:ArticulationCfg.InitialStateCfg",), "pos joint_pos"),
    ("motors", ("isaaclab.actuators:ActuatorBase",), "joint_names effort_limit"),
    ("observation_manager", ("isaaclab.managers:ObservationManager",), "compute active_terms group_obs_term_dim"),
    ("observation_manager", ("isaaclab.managers:ObservationManager",), "_group_obs_term_cfgs"),
    ("term_cfg", ("isaaclab.managers:ObservationTermCfg",), "func params scale"),
    ("cfg", (f"{MANAGED}Cfg", f"{DIRECT}Cfg", f"{AGENTS}Cfg"), "scene sim viewer seed decimation episode_length_s"),
    ("cfg", (f"{MANAGED}Cfg", f"{DIRECT}Cfg", f"{AGENTS}Cfg"), "is_finite_horizon events"),
    ("cfg", (f"{MANAGED}Cfg",), "commands curriculum"),
    ("cfg", ("isaaclab_tasks.direct.anymal_c.anymal_c_env_cfg:AnymalCFlatEnvCfg",), "terrain"),
    ("agent", ("isaaclab_rl.rsl_rl:RslRlOnPolicyRunnerCfg",), "seed device max_iterations num_steps_per_env"),
    ("agent", ("isaaclab_rl.rsl_rl:RslRlOnPolicyRunnerCfg",), "save_interval logger run_name experiment_name"),
    ("scene", ("isaaclab.scene:InteractiveSceneCfg",), "num_envs"),
    ("scene", ("isaaclab_tasks.manager_based.locomotion.velocity.velocity_env_cfg:MySceneCfg",), "robot terrain"),
    ("sim", ("isaaclab.sim:SimulationCfg",), "dt device"),
    ("viewer", ("isaaclab.envs:ViewerCfg",), "eye origin_type asset_name"),
    ("terrain", ("isaaclab.terrains:TerrainImporterCfg",), "terrain_type terrain_generator max_init_terrain_level"),
    ("term", ("isaaclab.managers:CommandTermCfg",), "resampling_time_range"),
    ("term", ("isaaclab.managers:EventTermCfg",), "func"),
    ("app_launcher", (f"{LAUNCHER}:AppLauncher",), "add_app_launcher_args app"),
    ("env", OURS, "finish get_observations group_names logs restore_counter"),  # VecEnvAdapter's and VideoRecorder's
    ("configs", OURS, "env agent write"),  # of Configs, and of the module config
    ("agent", OURS, "__dict__ where notes"),  # of agent.Table
)
"""What the runners take from objects with a role: classes that all have it, or none if it is ours; attributes."""
LISTED = {f"{role}.{name}" for role, _, row in TABLE for name in row.split()}
CALLS = {
    f"{LAUNCHER}:AppLauncher": (1, ()),
    f"{LAUNCHER}:AppLauncher.add_app_launcher_args": (1, ()),
    f"{PARSE}:load_cfg_from_registry": (2, ()),
    "isaaclab.envs:multi_agent_to_single_agent": (1, ()),
    **dict.fromkeys((MANAGED, DIRECT, AGENTS), (0, ("cfg", "render_mode"))),  # by gymnasium.make()
    **{f"{env}.step": (1, ()) for env in (MANAGED, DIRECT)},
    **{f"{env}.{name}": (0, ()) for env in (MANAGED, DIRECT) for name in ("reset", "render", "close")},
    "isaaclab.managers:ObservationManager.compute": (0, ()),
}
"""How the runners call functions: number of arguments, and keywords."""
FOLLOWED = f"""
{LAUNCHER}.AppLauncher isaaclab.sensors.camera.camera_cfg.CameraCfg isaaclab.envs.direct_marl_env.DirectMARLEnv
isaaclab.envs.utils.marl.multi_agent_to_single_agent {PARSE}.load_cfg_from_registry
""".split()
"""What is certainly imported, so that a way of doing it which is not seen does not pass for none."""


def changed_lab(changed: Mapping[str, str] | None = None) -> Lab:
    return Lab(isaac_lab_wheel(), changed=changed)


def renamed(module: str, *names: str) -> Lab:
    """The wheel with names in a module called otherwise."""
    text = str(changed_lab().source(module)[0])
    assert all(re.search(rf"\b{name}\b", text) for name in names), (module, names)
    return changed_lab({module: re.sub(rf"\b({'|'.join(names)})\b", r"\1_of_old", text)})


def said(found: Iterable[object]) -> str:
    return "\n" + "\n".join(sorted(map(str, found)))


def imports(lab: Lab, texts: Mapping[str, str] = TEXTS) -> tuple[set[Finding], set[str]]:
    """What is wrong with the names that the runners import, and what is there."""
    readers = [Reader(lab, file, text) for file, text in texts.items() if "isaac" in text]
    for reader in readers:
        reader.names(dict(re.findall(r'^([A-Z]+) = "(.*)"$', said(texts.values()), re.MULTILINE)))
    return set().union(*(reader.findings for reader in readers)), set().union(*(reader.taken for reader in readers))


def all_uses(texts: Mapping[str, str] = TEXTS) -> set[Finding]:
    return {use for file, text in texts.items() for use in uses(file, text, ROLES)}


def missing(lab: Lab) -> Iterator[Finding]:
    """What TABLE has and a class has not, with where it is used."""
    used = {use.symbol: use for use in USES}
    for role, classes, row in TABLE:
        for cls in map(lab.locate, classes):
            for name in set(row.split()) - lab.attributes(cls):
                use = used[f"{role}.{name}"]
                yield Finding(use.file, use.line, f"{cls}.{name}")


def unlisted(found: set[Finding]) -> list[Finding]:
    return [Finding(use.file, use.line, use.symbol, "is not in TABLE") for use in found if use.symbol not in LISTED]


def unknown_keys(lab: Lab) -> list[Finding]:
    """Keys in the dictionaries of launcher.arguments() that AppLauncher does not look for."""
    file = "runners/simulators/isaac/launcher.py"
    (function,) = (node for node in parse(TEXTS[file]).body if getattr(node, "name", "") == "arguments")
    keys = [key for node in ast.walk(function) if isinstance(node, ast.Dict) for key in node.keys]
    keys += [node.slice for node in ast.walk(function) if isinstance(node, ast.Subscript)]
    given = {text: key.lineno for key in keys if (text := string(key, {}))}
    known = re.findall(r'launcher_args(?:\[|\.get\(|\.pop\()"(\w+)"', str(lab.source(LAUNCHER)[0]))
    assert len(given) > 5
    return [Finding(file, line, f"{LAUNCHER}.{text}") for text, line in given.items() if text not in known]


def refused(lab: Lab) -> dict[str, str]:
    found = {location: lab.refuses(location, *call) for location, call in CALLS.items()}
    return {location: problem for location, problem in found.items() if problem}


USES = all_uses()


def test_what_the_runners_use_is_there_and_in_table() -> None:
    wrong, taken = imports(changed_lab())
    found = [*wrong, *missing(changed_lab()), *unlisted(USES), *unknown_keys(changed_lab())]
    found += [f"{location} {problem}" for location, problem in refused(changed_lab()).items()]
    assert not found, said(found)
    assert taken >= set(FOLLOWED), "not seen in the runners' sources"
    assert {use.symbol for use in USES} >= LISTED, "TABLE has what is not used"


# that all this can fail


@pytest.mark.parametrize("full", FOLLOWED)
def test_a_renamed_class_or_function_fails(full: str) -> None:
    module, _, name = full.rpartition(".")
    found = said(imports(renamed(module, name))[0])
    assert re.search(rf"\nrunners/\S+\.py:[1-9]\d*: isaaclab[\w.]*\.{name} is not there", found), found


def test_a_renamed_attribute_fails() -> None:
    for module, name in (
        ("isaaclab.envs.manager_based_env", "step_dt"),
        ("isaaclab.envs.direct_rl_env", "episode_length_buf"),
        ("isaaclab.envs.common", "origin_type"),
        ("isaaclab_rl.rsl_rl.rl_cfg", "save_interval"),
    ):
        found = said(missing(renamed(module, name)))
        assert re.search(rf"\nrunners/\S+\.py:[1-9]\d*: isaaclab[\w.]*\.{name} is not there", found), found


def test_a_renamed_argument_or_flag_fails() -> None:
    assert refused(renamed("isaaclab.envs.direct_rl_env", "render_mode")) == {DIRECT: "takes no argument 'render_mode'"}
    text = str(changed_lab().source(PARSE)[0]).replace("entry_point_key: str", "key: str, more: str", 1)
    assert refused(changed_lab({PARSE: text})) == {f"{PARSE}:load_cfg_from_registry": "needs the argument 'more'"}
    (flag,) = unknown_keys(renamed(LAUNCHER, "enable_cameras"))
    assert re.fullmatch(r"runners/\S+\.py:[1-9]\d*: \S+\.enable_cameras is not there", str(flag))


RUNNER = """
LAB = "isaaclab"
def use(self, cfg, plan):
    importlib.import_module(f"{LAB}.envs").ManagedEnv
    sensors = importlib.import_module("isaaclab.sensors")
    sensors.CameraCfg, sensors.CamCfg, importlib.import_module("isaaclab.util")
    from isaaclab.utils import configclas
    one, two = plan.configs.env, plan.configs.agent
    self.env.unwrapped.reward_manager, one.rewards, two.policy
    view = getattr(cfg.scene.terrain, "kind", None) or cfg.viewer
    cfg.viewer.lookat = 1
"""


def test_a_new_use_fails() -> None:
    found = said([*imports(changed_lab(), {"new.py": RUNNER})[0], *unlisted(all_uses({"new.py": RUNNER}))])
    there = "4: isaaclab.envs.ManagedEnv, 6: isaaclab.sensors.CamCfg, 6: isaaclab.util, 7: isaaclab.utils.configclas"
    listed = "9: env.reward_manager, 9: cfg.rewards, 9: agent.policy, 10: terrain.kind, 11: viewer.lookat"
    expected = [f"new.py:{line} is not there" for line in there.split(", ")]
    expected += [f"new.py:{line} is not in TABLE" for line in listed.split(", ")]
    assert found == said(expected)


# Berkeley Humanoid Lite

ROBOT = ("berkeley_humanoid_lite", "berkeley_humanoid_lite_assets")
KNOWN = {
    "isaaclab.envs.manager_based_rl_env_cfg.ManagerBasedRLEnvCfg.curriculums": "empty; Isaac Lab's is `curriculum`",
    "isaaclab.envs.RLTaskEnv": "below TYPE_CHECKING, for an annotation that nothing evaluates",
    "isaaclab.sim.simulation_cfg.SimulationCfg.disable_contact_processing": "asked for by hasattr(); it is always on",
}
"""What Berkeley Humanoid Lite names that 2.3.2 does not have, and why it does no harm."""


def robot_findings(lab: Lab, modules: Iterable[str]) -> list[Finding]:
    readers = [Reader(lab, module.replace(".", "/") + ".py", str(lab.source(module)[0]), module) for module in modules]
    for reader in readers:
        reader.names({})
        reader.tasks()
    return [finding for reader in readers for finding in reader.findings]


def test_what_the_robots_tasks_take_is_there() -> None:
    source = Path(os.environ.get("BHL_SRC") or ROOT / ".isaac" / "Berkeley-Humanoid-Lite") / "source"
    if not (source / ROBOT[0] / ROBOT[0] / "tasks").is_dir():
        pytest.skip(f"Berkeley Humanoid Lite's sources are not in '{source}'; BHL_SRC names the folder above")
    folders = [source / name for name in ROBOT]
    files = [file.relative_to(folder).with_suffix("") for folder in folders for file in folder.rglob("*.py")]
    names = [".".join(file.parts).removesuffix(".__init__") for file in files if {"tasks", "robots"} & {*file.parts}]
    found = robot_findings(Lab(isaac_lab_wheel(), folders), names)
    assert len(names) > 15 and {finding.symbol for finding in found} == set(KNOWN), said(found)


TASKS = """
import isaaclab.sim as sim_utils
import robot_mdp as mdp
from isaaclab.envs import ManagerBasedRLEnvCfg
from isaaclab.scene import InteractiveSceneCfg
from isaaclab.sensors import ContactSensorCfg
from isaaclab.utils import configclass
@configclass
class SceneCfg(InteractiveSceneCfg):
    contact_forces = ContactSensorCfg(prim_path="p", history_length=3)
    light = sim_utils.DomeLightCfg(intensity=1000.0)
@configclass
class RewardsCfg:
    deviation = mdp.joint_deviation_l1, mdp.feet
    ranges = mdp.UniformVelocityCommandCfg.Ranges(heading=None)
@configclass
class WalkCfg(ManagerBasedRLEnvCfg):
    scene: SceneCfg = SceneCfg(num_envs=4096, env_spacing=2.5)
    rewards: RewardsCfg = RewardsCfg()
    def __post_init__(self):
        self.decimation = 4
        self.sim.physx.gpu_max_rigid_patch_count = 10
        self.scene.contact_forces.update_period = self.sim.dt
ENTRY = "isaaclab.envs:ManagerBasedRLEnv"
"""
MDP = "from isaaclab.envs.mdp import *\ndef feet(env): ...\n"
BROKEN = (
    ("import ContactSensorCfg", "import ContactCfg", "isaaclab.sensors.ContactCfg is not there"),
    ("mdp.joint_deviation_l1", "mdp.joint_deviation", "robot_mdp.joint_deviation is not there"),
    ("envs:ManagerBasedRLEnv", "envs:ManagedEnv", "isaaclab.envs.ManagedEnv is not there"),
    ("history_length=3", "history=3", "ContactSensorCfg has no field 'history'"),
    ("heading=", "yaw=", "Ranges has no field 'yaw'"),
    ("self.decimation = ", "self.steps = ", "WalkCfg.steps is not there"),
    ("contact_forces.update_period", "contact_forces.period", "ContactSensorCfg.period is not there"),
    ("rewards: RewardsCfg", "reward: RewardsCfg", "ManagerBasedRLEnvCfg.reward is not there"),
)


def sample_findings(tasks: str, lab: Lab) -> str:
    texts = {"robot_tasks": tasks, "robot_mdp": MDP, **lab.changed}
    return said(robot_findings(changed_lab(texts), ("robot_tasks", "robot_mdp")))


def test_a_robots_broken_tasks_fail() -> None:
    assert sample_findings(TASKS, changed_lab()) == "\n"
    for old, new, problem in BROKEN:
        line = 1 + TASKS[: TASKS.index(old)].count("\n")
        found = sample_findings(TASKS.replace(old, new), changed_lab())
        assert re.fullmatch(rf"\nrobot_tasks\.py:{line}: \S*{re.escape(problem)}", found), found


def test_what_isaac_lab_renames_fails_in_the_robots_tasks() -> None:
    assert "_l1 is not" in sample_findings(TASKS, renamed("isaaclab.envs.mdp.rewards", "joint_deviation_l1"))
    assert "'history_length'" in sample_findings(TASKS, renamed("isaaclab.sensors.sensor_base_cfg", "history_length"))
