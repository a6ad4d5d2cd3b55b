"""The papers' comparison on trained networks: ``python -m benchmarks.paper STUDY``."""
