"""Thin runners over a simulator and rsl_rl: one verb, one module."""
