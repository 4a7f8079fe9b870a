"""deployments/adapters"""
