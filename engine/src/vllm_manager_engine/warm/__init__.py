"""Warm starts: processes that have imported the engine already, and turn into one when asked."""
