"""Product-free building blocks: time, errors, ids, loops, topics, paging, secrets."""
