"""Removes the pictures from the README of packages, which do not have them."""

import pathlib
import re

from hatchling.metadata.plugin.interface import MetadataHookInterface


class CustomMetadataHook(MetadataHookInterface):
    """Sets the description that package indexes show."""

    def update(self, metadata):
        path = pathlib.Path(self.root) / "README.md"
        text = re.sub(r"<img [^>]*>\n\n", "", path.read_text(encoding="utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
