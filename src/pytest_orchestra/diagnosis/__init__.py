"""What one test depends on, found out by experiment: what to try next, and what it comes to."""
