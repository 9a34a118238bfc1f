"""Rules on operations."""
