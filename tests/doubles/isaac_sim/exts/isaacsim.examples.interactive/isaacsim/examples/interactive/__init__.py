"""Stand-in of the interactive examples."""
