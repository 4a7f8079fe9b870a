"""Policies: the limits of the installation, of teams, users, keys and models."""
