from .vec_env import VecEnv as VecEnv
