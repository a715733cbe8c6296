"""Files for phones: export to LiteRT, verification, a runner for Python."""
