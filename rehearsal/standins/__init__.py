"""Stand-ins: what the operators of the platform would make of their objects, without the operators.

One process per control plane (`python -m rehearsal.standins`) runs them all over one shared view of the cluster.
Each stand-in is a pure function from that view to what should be done; each file says which operator it stands in for
and what it does not do. Everything they create carries the label `retail/stand-in`, an ownerReference and the field
manager `retail-stand-in`.
"""
