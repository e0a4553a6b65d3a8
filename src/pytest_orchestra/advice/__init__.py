"""What would make a suite better, and how good it is, by what a run has shown. Nothing here knows pytest."""
