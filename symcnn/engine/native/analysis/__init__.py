"""What is computed where, and by which loops: questions that are asked of a plan before any code is written."""
