"""A run while it goes on: what is told of it, on a terminal, in a browser and in a file."""
