"""Models on their way here, and those that are here: the downloader and the library.

The process that fetches imports this package, so nothing heavy (pydantic, SQLAlchemy) may be
imported from here. The faces are `downloads.service.Downloads` and `downloads.build`.
"""
