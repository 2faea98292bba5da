"""A strict test double of rsl_rl 1.0.2, for machines that cannot reach its git tag.

Put the folder above this package on ``sys.path``; the metadata beside it says that it is rsl_rl 1.0.2. It trains for
real, with a small PPO of its own, so that checkpoints, resuming and the optimizer's state are real.

Strict in both directions: it raises where 1.0.2 raises, and has no argument or attribute that 1.0.2 lacks. What looks
careless here (an observation kept by reference, ``torch.load`` without a device, a path joined to None) is what
adapters have to cope with. tests/unit/test_double_1_0_2.py holds this package and, where there is one, the real source
to the same expectation, and lists what is left out; above all that is the recurrent policy.
"""
