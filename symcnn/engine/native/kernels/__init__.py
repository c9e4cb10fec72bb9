"""From nodes to loops: a function for each kind of computation."""
