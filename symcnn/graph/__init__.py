"""What a graph is: nodes, their leaves, the arithmetic between them, and the errors."""
