"""Learning libraries, each behind an adapter of its own."""
