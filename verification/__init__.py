"""Verification layer: finite spaces, exact programs, certificates and the check matrix."""
