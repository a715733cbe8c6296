"""Measures parts of the package on the machine that it runs on."""
