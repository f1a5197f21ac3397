"""Symbolic layer: divergences, costs and statements T1-T29 derived and checked with SymPy."""
