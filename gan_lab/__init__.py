"""gan-lab."""
