"""Measures the orchestra against plain pytest and against xdist, side by side in one run.

    python -m benchmarks NAME [--json] [--runs N] [--size N] ...

``throughput``, ``fixtures``, ``tail`` and ``suites`` start whole runs of pytest, each mode in
turn, on suites that are made here or fetched; ``jobshop`` and ``scale`` put the engine through
its paces under virtual time, and ``flakes`` the judgement of flaky tests through made-up histories. What comes out are ratios between runs of the same machine in the
same quarter of an hour; the seconds themselves say nothing about any other machine.

Needs Linux (CPU time and memory are read from the kernel) and, for ``suites`` and ``jobshop``,
a package index that pip can reach.
"""
