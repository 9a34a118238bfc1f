"""Proof that retailers can't reach each other: over the resource graphs of all stacks, joined.

Each file looks at one way across: names, network, edges, secrets, AWS, databases, nodes. All of them are pure functions
from an `Estate` to leaks; what they compared is counted, so that a proof of nothing shows.
"""
