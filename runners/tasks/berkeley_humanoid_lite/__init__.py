"""Berkeley Humanoid Lite walks at a commanded velocity, as a humanoid and as a biped."""
