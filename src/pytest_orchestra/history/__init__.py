"""What earlier runs have shown: a store of evidence, and what can be expected by it."""
