"""Set-up of a clone, with nothing but the standard library: environments, Node.js, UI, browser."""
