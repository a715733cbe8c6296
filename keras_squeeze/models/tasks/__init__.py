"""The tasks of all models: heads on a backbone, and their methods."""
