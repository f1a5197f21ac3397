"""One file per member of the catalogue: the expression, its parameters, gauge and source; nothing else.

A module defines `MEMBER`. Its file name is the name under which the divergence is found.
"""
