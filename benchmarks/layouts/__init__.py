"""Layouts on trained models: bytes and quality beside uniform precisions."""
