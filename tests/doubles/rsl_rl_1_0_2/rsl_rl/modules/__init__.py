from .actor_critic import ActorCritic as ActorCritic
from .actor_critic_recurrent import ActorCriticRecurrent as ActorCriticRecurrent
