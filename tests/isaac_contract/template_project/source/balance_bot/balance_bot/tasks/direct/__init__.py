import gymnasium as gym  # noqa: F401
