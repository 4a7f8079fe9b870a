"""Where samples come from: this machine, its GPUs, the product's processes, the engines."""
