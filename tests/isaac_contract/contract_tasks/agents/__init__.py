"""Configurations of the learner."""
