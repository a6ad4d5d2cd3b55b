"""Quantizers alone, and the same quantizers with mpsolve as their solver."""
