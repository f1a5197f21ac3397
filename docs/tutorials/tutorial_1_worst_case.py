"""
A worst case
============
"""
print(1)
