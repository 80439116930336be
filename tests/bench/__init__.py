"""How fast, how quick, how heavy: measured on this machine, each beside its baselines."""
