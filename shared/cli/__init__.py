"""The command line `motcua`."""
