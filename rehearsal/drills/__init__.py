"""Drills: what a person would do to a real cluster to see what it bears, done to a rehearsal and judged."""
