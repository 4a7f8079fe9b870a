"""The command line: runs the product on this machine, and speaks to it here or elsewhere."""
