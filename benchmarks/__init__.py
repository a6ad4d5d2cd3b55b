"""Benchmarks: each folder is one question, answered by one command."""
