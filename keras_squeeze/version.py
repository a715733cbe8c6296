"""The version of the package, which the build backend also reads."""

__version__ = "0.1.0"
