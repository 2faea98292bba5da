"""Empty, and here because the release of an installed rsl_rl is told by what its ``utils`` have."""
