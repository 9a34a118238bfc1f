"""Rules on backup."""
