"""A package of tasks for an Isaac Lab before 2.0, whose modules have other names now."""

import omni.isaac.lab.envs  # noqa: F401
