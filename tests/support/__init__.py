"""Real processes that tests start for themselves: nothing here stands in for the product."""
