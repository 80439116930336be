"""Every query of notify."""
