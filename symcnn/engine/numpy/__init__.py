"""The NumPy engine: each node by its own forward rule, or by a faster kernel registered for its type.

It is the readable reference for every other engine.
"""
