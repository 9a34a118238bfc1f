"""What AWS would answer: deterministic outputs in AWS's own shapes, from a table by resource type.

Nothing here is real, and nothing is asked of AWS. All that AWS would draw at random comes from a digest of the URN.
"""
