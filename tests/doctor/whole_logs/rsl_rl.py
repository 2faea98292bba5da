"""What three generations of rsl_rl print while they learn."""

from __future__ import annotations

from .lab import built


def network(kind: str = "MLP") -> str:
    """The networks as rsl_rl prints them: "Actor MLP" up to 3.x, "Actor Model" from 4.0."""
    layers = "".join(
        "  ({}): {}\n".format(2 * i, f"Linear(in_features={a}, out_features={b}, bias=True)")
        + (f"  ({2 * i + 1}): ELU(alpha=1.0)\n" if i < 3 else "")
        for i, (a, b) in enumerate([(235, 512), (512, 256), (256, 128), (128, 12)])
    )
    return "".join(f"{who} {kind}: Sequential(\n{layers})\n" for who in ("Actor", "Critic"))


def observation_sets() -> str:
    """What rsl_rl from 3.0 prints before it builds the networks."""
    rule = "-" * 80 + "\n"
    return rule + "Resolved observation sets: \n\t policy :  ['policy']\n\t critic :  ['policy']\n" + rule


def _row(name: str, value: object, pad: int = 35) -> str:
    return "{:>{}} {}\n".format(name + ":", pad, value)


def iteration_1(it: int, total: int = 1500, loss: object = "0.0213", reward: str = "12.41") -> str:
    """One iteration as rsl_rl 1.0.2 reports it."""
    return (
        "#" * 80
        + "\n"
        + f" \033[1m Learning iteration {it}/{total} \033[0m ".center(80)
        + "\n\n"
        + _row("Computation", "71846 steps/s (collection: 1.229s, learning 0.139s)")
        + _row("Value function loss", loss)
        + _row("Surrogate loss", "-0.0071")
        + _row("Mean action noise std", "0.83")
        + _row("Mean reward", reward)
        + _row("Mean episode length", "711.36")
        + _row("Mean episode track_lin_vel_xy_exp", "0.5122")
        + "-" * 80
        + "\n"
        + _row("Total timesteps", 98304 * (it + 1))
        + _row("Iteration time", "1.37s")
        + _row("Total time", f"{1.37 * (it + 1):.2f}s")
        + _row("ETA", f"{1.37 * (total - it):.1f}s")
        + "\n"
    )


def iteration_3(it: int, total: int = 1500, loss: object = "0.0213", reward: str = "12.41") -> str:
    """One iteration as rsl_rl 3.1.2 reports it."""
    return (
        "#" * 80
        + "\n"
        + f" \033[1m Learning iteration {it}/{total} \033[0m ".center(80)
        + "\n\n"
        + _row("Computation", "71846 steps/s (collection: 1.229s, learning 0.139s)")
        + _row("Mean action noise std", "0.83")
        + _row("Mean value_function loss", loss)
        + _row("Mean surrogate loss", "-0.0071")
        + _row("Mean entropy loss", "14.6213")
        + _row("Mean reward", reward)
        + _row("Mean episode length", "711.36")
        + _row("Episode_Reward/track_lin_vel_xy_exp", "0.5122")
        + _row("Episode_Reward/dof_torques_l2", "-0.0873")
        + _row("Curriculum/terrain_levels", "3.1284")
        + _row("Metrics/base_velocity/error_vel_xy", "0.4202")
        + _row("Episode_Termination/time_out", "3.7917")
        + _row("Episode_Termination/base_contact", "1.2083")
        + "-" * 80
        + "\n"
        + _row("Total timesteps", 98304 * (it + 1))
        + _row("Iteration time", "1.37s")
        + _row("Time elapsed", "00:10:27")
        + _row("ETA", "00:31:12")
        + "\n"
    )


def iteration_5(it: int, total: int = 1500, loss: object = "0.0213", reward: str = "12.41") -> str:
    """One iteration as rsl_rl 5.x reports it."""
    pad = 40
    return (
        "#" * 80
        + "\n"
        + "\033[1m{}\033[0m \n\n".format(f" Learning iteration {it}/{total} ".center(80))
        + _row("Total steps", f"{98304 * (it + 1)} ", pad)
        + _row("Steps per second", "71846 ", pad)
        + _row("Collection time", "1.229s ", pad)
        + _row("Learning time", "0.139s ", pad)
        + _row("Mean value loss", loss, pad)
        + _row("Mean surrogate loss", "-0.0071", pad)
        + _row("Mean entropy loss", "14.6213", pad)
        + _row("Mean reward", reward, pad)
        + _row("Mean episode length", "711.36", pad)
        + _row("Mean action std", "0.83", pad)
        + _row("Episode_Reward/track_lin_vel_xy_exp", "0.5122", pad)
        + "-" * 80
        + "\n"
        + _row("Iteration time", "1.37s", pad)
        + _row("Time elapsed", "00:10:27", pad)
        + _row("ETA", "00:31:12", pad)
        + "\n"
    )


def learning(count: int = 3, first: int = 0, number: int = 4096, command: str = "", **gpu: object) -> str:
    """Everything up to some iterations of rsl_rl 3.1.2."""
    return (
        built(number, command, **gpu)
        + observation_sets()
        + network()
        + "".join(iteration_3(first + i) for i in range(count))
    )
