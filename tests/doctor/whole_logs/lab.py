"""What Isaac Lab prints while it builds an environment."""

from __future__ import annotations

from collections.abc import Sequence

from .kit import LAB, kit_start, launch


def lab_start() -> str:
    """Isaac Lab before it builds the scene."""
    return (
        "[INFO][IsaacLab]: Logging to file: /tmp/isaaclab/logs/isaaclab_2026-03-14_09-21-14.log\n"
        "[INFO]: Parsing configuration from: isaaclab_tasks.manager_based.locomotion.velocity.config.anymal_c."
        "rough_env_cfg:AnymalCRoughEnvCfg\n"
        "[INFO]: Parsing configuration from: isaaclab_tasks.manager_based.locomotion.velocity.config.anymal_c.agents."
        "rsl_rl_ppo_cfg:AnymalCRoughPPORunnerCfg\n"
        f"[INFO] Logging experiment in directory: {LAB}/logs/rsl_rl/anymal_c_rough\n"
        "Exact experiment name requested from command line: 2026-03-14_09-21-15\n"
        "[INFO]: Base environment:\n"
        "\tEnvironment device    : cuda:0\n"
        "\tEnvironment seed      : 42\n"
        "\tPhysics step-size     : 0.005\n"
        "\tRendering step-size   : 0.02\n"
        "\tEnvironment step-size : 0.02\n"
    )


def box(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table as PrettyTable draws it."""
    table: list[list[str]] = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    widths[-1] += max(0, len(title) - sum(widths) - 3 * (len(widths) - 1))
    inner = sum(widths) + 3 * (len(widths) - 1)
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+\n"
    text = "+" + "-" * (inner + 2) + "+\n| " + title.center(inner) + " |\n" + rule
    for index, row in enumerate(table):
        text += "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + " |\n"
        text += rule if index == 0 else ""
    return text + rule


def scene(number: int = 4096) -> str:
    """Isaac Lab when the scene stands."""
    return (
        "[INFO]: Generating terrains based on terrain generator took : 2.419132 seconds\n"
        "[INFO]: Time taken for scene creation : 3.152462 seconds\n"
        "[INFO]: Scene manager:  <class InteractiveScene>\n"
        f"\tNumber of environments: {number}\n"
        "\tEnvironment spacing   : 2.5\n"
        "\tSource prim name      : /World/envs/env_0\n"
        "\tGlobal prim paths     : ['/World/ground']\n"
        "\tReplicate physics     : True\n"
        "[INFO]: Starting the simulation. This may take a few seconds. Please wait...\n"
        "[INFO]: Time taken for simulation start : 1.804519 seconds\n"
    )


def managers() -> str:
    """The tables of the managers of an environment."""
    return (
        "[INFO] Command Manager:  <CommandManager> contains 1 active terms.\n"
        + box("Active Command Terms", ("Index", "Name", "Type"), [(0, "base_velocity", "UniformVelocityCommand")])
        + "\n[INFO] Event Manager:  <EventManager> contains 3 active terms.\n"
        + box(
            "Active Event Terms in Mode: 'startup'", ("Index", "Name"), [(0, "physics_material"), (1, "add_base_mass")]
        )
        + box(
            "Active Event Terms in Mode: 'reset'",
            ("Index", "Name"),
            [(0, "base_external_force_torque"), (1, "reset_base")],
        )
        + box(
            "Active Event Terms in Mode: 'interval'",
            ("Index", "Name", "Interval time range (s)"),
            [(0, "push_robot", "(10.0, 15.0)")],
        )
        + "\n[INFO] Recorder Manager:  <RecorderManager> contains 0 active terms.\n"
        + "[INFO] Action Manager:  <ActionManager> contains 1 active terms.\n"
        + box("Active Action Terms (shape: 12)", ("Index", "Name", "Dimension"), [(0, "joint_pos", 12)])
        + "\n[INFO] Observation Manager: <ObservationManager> contains 1 groups.\n"
        + box(
            "Active Observation Terms in Group: 'policy' (shape: (235,))",
            ("Index", "Name", "Shape"),
            [
                (0, "base_lin_vel", "(3,)"),
                (1, "base_ang_vel", "(3,)"),
                (2, "projected_gravity", "(3,)"),
                (3, "velocity_commands", "(3,)"),
                (4, "joint_pos", "(12,)"),
                (5, "joint_vel", "(12,)"),
                (6, "actions", "(12,)"),
                (7, "height_scan", "(187,)"),
            ],
        )
        + "\n[INFO] Termination Manager:  <TerminationManager> contains 2 active terms.\n"
        + box(
            "Active Termination Terms",
            ("Index", "Name", "Time Out"),
            [(0, "time_out", True), (1, "base_contact", False)],
        )
        + "\n[INFO] Reward Manager:  <RewardManager> contains 4 active terms.\n"
        + box(
            "Active Reward Terms",
            ("Index", "Name", "Weight"),
            [
                (0, "track_lin_vel_xy_exp", 1.0),
                (1, "lin_vel_z_l2", -2.0),
                (2, "dof_torques_l2", -1e-05),
                (3, "feet_air_time", 0.125),
            ],
        )
        + "\n[INFO] Curriculum Manager:  <CurriculumManager> contains 1 active terms.\n"
        + box("Active Curriculum Terms", ("Index", "Name"), [(0, "terrain_levels")])
        + "\n[INFO]: Completed setting up the environment...\n"
    )


def built(number: int = 4096, command: str = "", **gpu: object) -> str:
    """Everything up to a built environment."""
    return command + launch() + kit_start(**gpu) + lab_start() + scene(number) + managers()
