"""rsl_rl: which release is installed, its configuration, its environment contract, its runner."""
