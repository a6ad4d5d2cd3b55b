"""Real instances: each tool's own answer and each method against the proven optimum."""
