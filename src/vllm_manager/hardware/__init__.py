"""What this machine has: processors, memory, GPUs, disks, as probes see them now."""
