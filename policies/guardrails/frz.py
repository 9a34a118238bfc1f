"""Rules on freeze."""
