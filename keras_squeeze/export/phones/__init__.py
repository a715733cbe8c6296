"""What libraries and apps on phones need to use an exported file."""
