"""What earlier runs have shown: a store of evidence, what can be expected by it, and who is flaky."""
