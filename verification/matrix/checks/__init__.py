"""The checks of the matrix, one file per statement; each defines `CHECKS`, a tuple of `Check`."""
