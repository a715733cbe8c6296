"""What libraries and apps on phones need to run an exported file."""
