"""Checkpoints and videos."""

from __future__ import annotations

from .kit import LAB, SITE, kit_start, launch
from .lab import lab_start, managers, scene
from .log import WholeLog
from .python import PLAY, PPO, RUNNER, hydra
from .rsl_rl import network

LOAD = f"{PLAY}:141 main | runner.load(resume_path)"
PLAYED = launch() + kit_start() + lab_start()
LOADING = f"[INFO]: Loading model checkpoint from: {LAB}/logs/rsl_rl/anymal_c_rough/2026-03-13_18-02-11/model_1499.pt\n"
CHECKPOINTS = (
    WholeLog(
        "checkpoint_of_5_in_3",
        PLAYED + scene(50) + managers() + network() + LOADING,
        hydra(
            [
                LOAD,
                f"{RUNNER}:322 load | resumed_training = "
                'self.alg.policy.load_state_dict(loaded_dict["model_state_dict"])',
            ],
            "KeyError: 'model_state_dict'",
        ),
        "checkpoint-new-layout",
    ),
    WholeLog(
        "checkpoint_with_more_than_weights",
        PLAYED + scene(50) + managers() + network() + LOADING,
        hydra(
            [LOAD, f"{RUNNER}:222 load | loaded_dict = torch.load(path)"],
            "_pickle.UnpicklingError: Weights only load failed. This file can still be loaded, to do so you have two "
            "options, \x1b[1mdo those steps only if you trust the source of the checkpoint\x1b[0m. \n"
            "\t(1) In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from "
            "`False` to `True`.",
        ),
        "checkpoint-weights-only",
    ),
    WholeLog(
        "no_ffmpeg",
        PLAYED + scene(50) + managers() + network() + LOADING,
        hydra(
            [
                f"{PLAY}:190 main | obs, _, _, _ = env.step(actions)",
                f"{SITE}/imageio_ffmpeg/_utils.py:34 get_ffmpeg_exe | raise RuntimeError(",
            ],
            "RuntimeError: No ffmpeg exe could be found. Install ffmpeg on your system, or set the "
            "IMAGEIO_FFMPEG_EXE environment variable.",
        ),
        "ffmpeg-missing",
    ),
    WholeLog(
        "no_run",
        PLAYED,
        hydra(
            [
                f"{PLAY}:97 main | resume_path = get_checkpoint_path(log_root_path, agent_cfg.load_run, "
                "agent_cfg.load_checkpoint)"
            ],
            f"ValueError: No runs present in the directory: '{LAB}/logs/rsl_rl/anymal_c_rough' match: '.*'.",
        ),
        "no-run-or-checkpoint",
    ),
    WholeLog(
        "cut_checkpoint",
        PLAYED + scene(50) + managers() + network() + LOADING,
        hydra(
            [
                LOAD,
                f"{RUNNER}:318 load | loaded_dict = torch.load(path, weights_only=False, map_location=map_location)",
                f"{SITE}/torch/serialization.py:749 __init__ | "
                "super().__init__(torch._C.PyTorchFileReader(name_or_buffer))",
            ],
            "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory",
        ),
        "checkpoint-truncated",
    ),
    WholeLog(
        "other_task",
        PLAYED + scene(50) + managers() + network() + LOADING,
        hydra(
            [LOAD, f"{SITE}/torch/nn/modules/module.py:2581 load_state_dict | raise RuntimeError("],
            "RuntimeError: Error(s) in loading state_dict for ActorCritic:\n"
            "\tsize mismatch for actor.0.weight: copying a param with shape torch.Size([512, 235]) from checkpoint, "
            "the shape in current model is torch.Size([512, 48]).\n"
            "\tsize mismatch for critic.0.weight: copying a param with shape torch.Size([512, 235]) from checkpoint, "
            "the shape in current model is torch.Size([512, 48]).",
        ),
        "checkpoint-size-mismatch",
    ),
    WholeLog(
        "checkpoint_of_3_in_5",
        PLAYED + scene(50) + managers() + network("Model") + LOADING,
        hydra(
            [
                LOAD,
                f"{RUNNER}:158 load | load_iteration = self.alg.load(loaded_dict, load_cfg, strict)",
                f'{PPO}:388 load | self.actor.load_state_dict(loaded_dict["actor_state_dict"], strict=strict)',
            ],
            "KeyError: 'actor_state_dict'",
        ),
        "checkpoint-old-layout",
    ),
    WholeLog(
        "no_moviepy",
        PLAYED + scene(50) + managers(),
        hydra(
            [
                f"{PLAY}:122 main | env = gym.wrappers.RecordVideo(env, **video_kwargs)",
                f"{SITE}/gymnasium/wrappers/rendering.py:290 __init__ | raise error.DependencyNotInstalled(",
            ],
            'gymnasium.error.DependencyNotInstalled: MoviePy is not installed, run `pip install "gymnasium[other]"`',
        ),
        "moviepy-missing",
    ),
)
