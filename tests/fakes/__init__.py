"""Fakes at the edges: they implement the ports of the product for tests."""
