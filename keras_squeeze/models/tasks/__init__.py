"""The tasks that the models share: heads on a backbone, and what they do."""
