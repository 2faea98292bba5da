"""Training that diverged."""

from __future__ import annotations

from .kit import COMMAND, SITE, physx_error
from .lab import built
from .log import WholeLog
from .python import LEARN, POLICY, PPO, RUNNER, hydra
from .rsl_rl import iteration_1, iteration_3, iteration_5, learning, network

STD = [
    f"{SITE}/torch/distributions/normal.py:80 sample | return torch.normal(self.loc.expand(shape), "
    "self.scale.expand(shape))"
]

NO_STD = "RuntimeError: normal expects all elements of std >= 0.0"
NAN = (
    WholeLog(
        "overflow_that_the_run_survived_then_std",
        learning(1, command=COMMAND),
        physx_error(
            759765, "Patch buffer overflow detected, please increase its size to at least 178421 in the scene desc!"
        )
        + "".join(iteration_3(700 + i) for i in range(3))
        + hydra(
            [
                *LEARN,
                f"{RUNNER}:148 learn | loss_dict = self.alg.update()",
                f"{POLICY}:152 act | return self.distribution.sample()",
                *STD,
            ],
            NO_STD,
        ),
        "std-negative-or-nan",
    ),
    WholeLog(
        "value_loss_inf_then_std",
        learning(1, command=COMMAND),
        (
            "".join(iteration_3(5000 + i, 50000, loss="inf") for i in range(3))
            + hydra(
                [
                    *LEARN,
                    f"{RUNNER}:148 learn | loss_dict = self.alg.update()",
                    f"{PPO}:250 update | self.policy.act(obs_batch, masks=masks_batch, "
                    "hidden_state=hidden_states_batch[0])",
                    f"{POLICY}:152 act | return self.distribution.sample()",
                    *STD,
                ],
                NO_STD,
            )
        ),
        "std-negative-or-nan",
        first_sign="value-loss-inf",
    ),
    WholeLog(
        "value_loss_of_1_0_2",
        built(command=COMMAND) + network() + "".join(iteration_1(i) for i in range(2)),
        (
            "".join(iteration_1(8391 + i, 10000, loss="nan") for i in range(2))
            + hydra(
                [
                    *LEARN,
                    f"{RUNNER}:132 learn | mean_value_loss, mean_surrogate_loss = self.alg.update()",
                    f"{PPO}:131 update | self.actor_critic.act(obs_batch, masks=masks_batch, "
                    "hidden_states=hid_states_batch[0])",
                    f"{POLICY}:125 act | return self.distribution.sample()",
                    *STD,
                ],
                NO_STD,
            )
        ),
        "std-negative-or-nan",
        first_sign="value-loss-inf",
    ),
    WholeLog(
        "value_loss_alone",
        built() + network("Model") + "".join(iteration_5(i) for i in range(3)),
        "".join(iteration_5(3 + i, loss="nan", reward="nan") for i in range(3)),
        first_sign="value-loss-inf",
        failed=False,
    ),
    WholeLog(
        "nan_observation",
        learning(3),
        hydra(
            [
                *LEARN,
                f"{RUNNER}:104 learn | actions = self.alg.act(obs)",
                f"{SITE}/torch/distributions/distribution.py:70 __init__ | raise ValueError(",
            ],
            "ValueError: Expected parameter loc (Tensor of shape (4096, 12)) of distribution Normal(loc: "
            "torch.Size([4096, 12]), scale: "
            "torch.Size([4096, 12])) to satisfy the constraint Real(), but found invalid values:\n"
            "tensor([[nan, nan, nan,  ..., nan, nan, nan],\n        [0.1, 0.2, 0.3,  ..., 0.1, 0.1, 0.1]], "
            "device='cuda:0')",
        ),
        "distribution-loc-nan",
    ),
)
