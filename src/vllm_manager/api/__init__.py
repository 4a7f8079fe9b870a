"""The control plane's HTTP face; the only place that knows every room."""
