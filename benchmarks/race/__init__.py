"""mpsolve against the general solvers, on problems with one budget."""
