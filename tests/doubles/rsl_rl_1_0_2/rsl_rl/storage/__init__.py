from .rollout_storage import RolloutStorage as RolloutStorage
