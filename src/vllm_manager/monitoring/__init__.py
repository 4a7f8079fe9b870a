"""What runs, how fast, and why not: samples, Prometheus, logs, diagnosis, alerts."""
