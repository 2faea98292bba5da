from .ppo import PPO as PPO
