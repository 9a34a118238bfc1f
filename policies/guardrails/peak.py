"""Rules on peak."""
