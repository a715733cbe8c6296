"""Measures the speed of parts of the package on the current machine."""
