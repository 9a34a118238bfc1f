"""Runs the real policy pack over an evaluated stack, in a process of its own and by the engine's protocol."""
