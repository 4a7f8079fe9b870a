"""Models on their way here, and those that are here: the downloader and the library."""
