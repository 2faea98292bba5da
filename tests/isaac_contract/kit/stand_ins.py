"""The modules of Kit's extensions that Isaac Lab and robots' projects import, made as they are imported.

What Isaac Lab really calls is written out in exts/; of the rest it takes names only: base classes, decorators,
annotations. SimulationApp calls install() when the app has started. A module that is not in the table raises
ModuleNotFoundError, as in Kit. test_kit_double.py holds the table to the imports in Isaac Lab's sources, and
tests/real_sources to those of real projects.
"""

from __future__ import annotations

import importlib
import sys
import types
from importlib.machinery import ModuleSpec
from typing import Any

TABLE = """
Semantics  usdrt
carb.events  carb.input  carb.tokens
isaacsim.asset.importer.mjcf  isaacsim.asset.importer.urdf  isaacsim.asset.importer.urdf._urdf
isaacsim.core.api.simulation_context
isaacsim.core.cloner  isaacsim.core.prims  isaacsim.core.simulation_manager
isaacsim.core.utils.extensions  isaacsim.core.utils.prims  isaacsim.core.utils.stage  isaacsim.core.utils.viewports
isaacsim.core.utils.torch  isaacsim.core.utils.torch.rotations  isaacsim.core.utils.torch.transformations
isaacsim.gui.components  isaacsim.gui.components.ui_utils
isaacsim.replicator.mobility_gen.impl.path_planner
isaacsim.robot.surface_gripper
isaacsim.robot_motion.motion_generation  isaacsim.robot_motion.motion_generation.lula.motion_policies
isaacsim.xr.input_devices.impl.manus_vive_integration
omni.appwindow  omni.client  omni.ui
omni.kit.asset_converter  omni.kit.commands  omni.kit.viewport.utility  omni.kit.window.extensions
omni.kit.xr.core  omni.kit.xr.scene_view.utils  omni.kit.xr.scene_view.utils.spatial_source
omni.metrics.assembler.core
omni.physics.tensors.impl.api
omni.physx  omni.physx.scripts  omni.physx.scripts.utils  omni.physxfabric  omni.physxpvd.bindings
omni.replicator.core.functional
omni.syntheticdata.scripts.SyntheticData
omni.usd  omni.usd.commands
pxr.ForceFieldSchema  pxr.PhysicsSchema  pxr.PhysicsSchemaTools  pxr.PhysxSchema
"""
MODULES = frozenset(TABLE.split())
NAMESPACES = {"omni.isaac"}
"""Of the deprecated extensions, which are there: what is no module is no part of it, omni.isaac.lab for one."""
PARENTS = NAMESPACES | {name[:i] for name in MODULES for i, char in enumerate(name) if char == "."}
LOADED = ("carb.events", "carb.input", "carb.tokens", "omni.kit.app", "omni.physx", "omni.timeline", "omni.usd")
"""Kit's own extensions have imported them, so that they are attributes of their packages."""


class _OfClass(type):
    """Attributes of a stand-in's class are stand-ins too: enumerations, nested classes."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") or "made_here" not in vars(cls):
            raise AttributeError(f"type object '{cls.__name__}' has no attribute '{name}'")
        value = stand_in(cls.__module__, name)
        setattr(cls, name, value)
        return value


class StandIn(metaclass=_OfClass):
    """A class to derive from, to call, to decorate with."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if "made_here" in vars(cls) and _decorates(args, kwargs):
            return args[0]
        return super().__new__(cls)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "made_here" not in vars(type(self)):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return stand_in(type(self).__module__, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return args[0] if _decorates(args, kwargs) else self


def _decorates(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return len(args) == 1 and not kwargs and isinstance(args[0], (types.FunctionType, type))


def stand_in(module: str, name: str) -> type[StandIn]:
    """A class of that name."""
    return _OfClass(name, (StandIn,), {"__module__": module, "made_here": True})


class _Module(types.ModuleType):
    """Every name in it is a class, but what is a module itself."""

    def __getattr__(self, name: str) -> Any:
        full = f"{self.__name__}.{name}"
        if name.startswith("__") or self.__name__ not in MODULES or full in PARENTS or full in MODULES:
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        value = stand_in(self.__name__, name)
        setattr(self, name, value)
        return value


class Finder:
    """Comes last: what lies on the disk goes before."""

    @classmethod
    def find_spec(cls, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As importlib asks for it."""
        if name in MODULES or name in PARENTS:
            return ModuleSpec(name, cls, is_package=name in PARENTS)  # type: ignore[arg-type]
        return None

    @staticmethod
    def create_module(spec: ModuleSpec) -> types.ModuleType:
        """As importlib asks for it."""
        return _Module(spec.name)

    @staticmethod
    def exec_module(module: types.ModuleType) -> None:
        """There is nothing to run."""


def install() -> None:
    """Let them be imported."""
    sys.meta_path.append(Finder)  # type: ignore[arg-type]
    for name in LOADED:
        importlib.import_module(name)
    carb = sys.modules["carb"]
    for name in ("Float2", "Float3", "Float4"):
        setattr(carb, name, stand_in("carb", name))
