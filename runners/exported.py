"""A policy as ``make export`` leaves it, as it is shipped or as upstream has it: ONNX and ``policy.yaml``."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from runners import run_dir
from runners.deployment import Deployment, read
from runners.errors import UserError, nearest
from runners.run_dir import RunDir

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

SHIPPED = Path(__file__).parent / "tasks" / "berkeley_humanoid_lite" / "policies"
"""``<name>.onnx`` with ``<name>.yaml``."""
FOLDER = "exported"
"""Where a run has its ``policy.onnx`` and ``policy.yaml``."""


@dataclass(frozen=True)
class Exported:
    """A policy's two files, and the run that it is of, if any."""

    name: str
    onnx: Path
    config: Path
    run: RunDir | None = None

    def results(self, verb: str) -> Path:
        """The folder that a verb's results go below: in the run, or in ``logs``."""
        return self.run.path / verb if self.run else Path("logs") / verb / self.name


def find(policy: str | None, config: str | None, run: str, log_root: Path) -> Exported:
    """Find the files that POLICY=, CONFIG= and RUN= name. POLICY is a shipped name or a file; it goes before RUN.

    Raises:
        UserError: there is no such policy, run or configuration, or the run is not exported.
    """
    found = run_dir.find(log_root, run) if policy is None else None
    name, onnx = _of_run(found) if found else of_policy(policy or "")
    if config is not None:
        if not Path(config).is_file():
            raise UserError(f"CONFIG '{config}' is no file; name a policy.yaml")
        return Exported(name, onnx, Path(config), found)
    # beside the file, or as upstream has them: checkpoints/policy_x.onnx and configs/policy_x.yaml
    places = (
        onnx.with_suffix(".yaml"),
        onnx.with_name("policy.yaml"),
        onnx.absolute().parent.parent / "configs" / f"{onnx.stem}.yaml",
    )
    for place in places:
        if place.is_file():
            return Exported(name, onnx, place, found)
    if found:
        raise UserError(f"the export of run '{found.name}' has no policy.yaml; make export RUN={found.word} says why")
    raise UserError(f"there is no '{places[0].name}' beside '{onnx}'; name the policy's yaml with CONFIG=")


def load(exported: Exported) -> tuple[Deployment, OnnxPolicy]:
    """Read both files.

    Raises:
        UserError: one of them is no good, or they do not belong together.
    """
    deployment = read(exported.config)
    policy = OnnxPolicy(exported.onnx)
    check_named(exported, policy)
    check_fits(deployment, policy.num_observations, policy.num_actions, str(exported.onnx))
    return deployment, policy


def check_named(exported: Exported, policy: OnnxPolicy) -> None:
    """Compare the iteration that was exported with that of the checkpoint in RUN=.

    Raises:
        UserError: they differ.
    """
    run, iteration = exported.run, policy.metadata.get("iteration")
    if run and run.named and str(run_dir.iteration_of(run.named)) != iteration:
        raise UserError(
            f"'{exported.onnx}' is of iteration {iteration}, not of '{run.named}'; "
            f"make export RUN={run.word} CHECKPOINT={run_dir.iteration_of(run.named)}"
        )


def check_fits(deployment: Deployment, inputs: int, outputs: int, network: str) -> None:
    """Compare a network's sizes with those of its configuration.

    Raises:
        UserError: they differ.
    """
    if inputs != deployment.inputs:
        slots = f" in {deployment.history_length + 1} slots" if deployment.history_length else ""
        raise UserError(
            f"'{network}' takes {inputs} observations, and its yaml makes {deployment.inputs}{slots}; "
            "name the yaml that belongs to it with CONFIG="
        )
    if outputs != deployment.num_actions:
        raise UserError(
            f"'{network}' gives {outputs} actions, and its yaml drives {deployment.num_actions} joints; "
            "name the yaml that belongs to it with CONFIG="
        )


def outdated(exported: Exported, policy: OnnxPolicy) -> str | None:
    """Say so where the run has a later checkpoint than the one exported."""
    iteration = policy.metadata.get("iteration", "")
    checkpoints = exported.run.checkpoints() if exported.run and not exported.run.named else []
    if not iteration.isdecimal() or not checkpoints or checkpoints[-1].iteration <= int(iteration):
        return None
    assert exported.run is not None
    return (
        f"'{exported.onnx}' is of iteration {iteration}, and the run has '{checkpoints[-1].path.name}'; "
        f"make export RUN={exported.run.word}"
    )


def shipped() -> list[str]:
    """The names of the policies that come along."""
    return sorted(path.stem for path in SHIPPED.glob("*.onnx"))


def _of_run(run: RunDir) -> tuple[str, Path]:
    onnx = run.path / FOLDER / "policy.onnx"
    if not onnx.is_file():
        raise UserError(f"run '{run.name}' is not exported; make export RUN={run.word}")
    return run.name, onnx


def of_policy(policy: str) -> tuple[str, Path]:
    """Name and ONNX file of a policy that is shipped, or of a file.

    Raises:
        UserError: there is none.
    """
    path = Path(policy)
    if path.suffix != ".onnx":
        names = shipped()
        if policy in names:
            return policy, SHIPPED / f"{policy}.onnx"
        known = f"the names are {', '.join(names)}; or name a file.onnx"
        raise UserError(f"unknown POLICY '{policy}'{nearest(policy, names)}; {known}")
    if not path.is_file():
        others = "".join(f" or {name}" for name in shipped())
        raise UserError(f"POLICY '{policy}' is no file; name an ONNX file{others}")
    above = path.absolute().parent
    if path.stem != "policy":
        return path.stem, path
    return (above.parent.name if above.name == FOLDER else above.name), path


class OnnxPolicy:
    """A feed-forward ONNX policy on one CPU thread. It takes any number of rows, also of a file made for one.

    Raises:
        UserError: the file is no ONNX, or no network of one observation vector and one action vector.
    """

    def __init__(self, path: Path) -> None:
        # Its telemetry, from 1.29 on, begins with the import: it sends what process this is and keeps a device's id in
        # the home before disable_telemetry_events() can be called. https://github.com/microsoft/onnxruntime/pull/27379
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        self.path = path
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = settings.inter_op_num_threads = 1
        settings.log_severity_level = 3
        self._open = functools.partial(
            onnxruntime.InferenceSession, sess_options=settings, providers=["CPUExecutionProvider"]
        )
        try:
            data = path.read_bytes()
            # by path, as weights may lie in a file of their own beside it
            self._session = self._open(str(path))
        except OSError as error:
            raise UserError(f"cannot read '{path}': {error.strerror}") from None
        except Exception as error:  # onnxruntime's have no common base
            size = f"{len(data)} bytes"
            reason = str(error).splitlines()[0]
            raise UserError(f"'{path}' ({size}) is truncated or no ONNX network: {reason}") from None
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            names = ", ".join(f"'{value.name}'" for value in (*inputs, *outputs))
            raise UserError(f"'{path}' has {len(inputs)} inputs and {len(outputs)} outputs ({names}); one each is run")
        self._input: str = inputs[0].name
        self._output: str = outputs[0].name
        self._one_row = inputs[0].shape[:1] == [1]
        self.num_observations = _width(path, inputs[0])
        self.num_actions = _width(path, outputs[0])
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self.steps = 0
        """Calls since the last reset."""

    def reset(self) -> None:
        """Count steps from 0."""
        self.steps = 0

    def __call__(self, observations: Floats) -> Floats:
        """Shape: (…, num_observations) float32 -> (…, num_actions) float32.

        Raises:
            UserError: an action is not a finite number.
        """
        import numpy as np

        rows = observations.reshape(-1, self.num_observations)
        if not self._one_row or len(rows) == 1:
            found = self._session.run(None, {self._input: rows})[0]
        elif self._free:
            found = self._free.run(None, {self._input: rows})[0]
        else:
            found = self._by_row(rows)
        actions: Floats = found.reshape(*observations.shape[:-1], self.num_actions)
        if not np.isfinite(actions).all():
            index = np.argwhere(~np.isfinite(actions))[0]
            raise UserError(
                f"'{self.path}' gives {actions[tuple(index)]} for action {index[-1]} at step {self.steps}; "
                "the network or its observation is broken"
            )
        self.steps += 1
        return actions

    def _by_row(self, rows: Floats) -> Floats:
        import numpy as np

        found: Floats = np.concatenate([self._session.run(None, {self._input: row[None]})[0] for row in rows])
        return found

    @functools.cached_property
    def _free(self) -> Any:
        """The network of one row without that bound, in memory: 8 times as fast on 64 rows. None if it has none."""
        import numpy as np

        try:
            import onnx

            model = onnx.load(str(self.path))
            for value in (*model.graph.input, *model.graph.output):
                if value.name in (self._input, self._output):
                    value.type.tensor_type.shape.dim[0].dim_param = "batch"
            del model.graph.value_info[:]
            session = self._open(model.SerializeToString())
            # a graph may have the one row in its middle as well, and fail, or mix the rows
            rows = np.random.default_rng(0).standard_normal((3, self.num_observations), np.float32)
            same = np.allclose(session.run(None, {self._input: rows})[0], self._by_row(rows), 1e-5, 1e-5)
        except Exception:  # onnx's and onnxruntime's have no common base
            return None
        return session if same else None


def _width(path: Path, value: Any) -> int:
    shape = value.shape
    fits = len(shape) == 2 and isinstance(shape[1], int) and not (isinstance(shape[0], int) and shape[0] != 1)
    if value.type != "tensor(float)" or not fits:
        raise UserError(f"'{path}': '{value.name}' is {value.type} of shape {shape}; float of [1, n] is run")
    return int(shape[1])
