"""Rules on the database."""
