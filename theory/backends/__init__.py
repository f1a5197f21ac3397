"""Elementary operations of each numeric backend under one set of names; each module loads its library itself.

Every module offers `static` (constants may be doubles), the functions that `theory.printing` names, and
`sqrt`, `log`, `pow` that read an argument which rounding pushed below 0 as 0.
"""
