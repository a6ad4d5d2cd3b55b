"""What calibration costs, and how well its metrics predict measured loss changes."""
