"""The theory layer of the matrix: the symbolic derivation of each statement, every step run through its own
check.
"""
