"""Composes the docstrings of model classes from those of their base classes."""

import inspect
import re

_HEADINGS = ("Args", "Returns", "Raises", "Example", "Reference")
_HEADING = re.compile(rf"^({'|'.join(_HEADINGS)})s?:$", re.MULTILINE)
_CLASS = re.compile(r"(?<=keras_squeeze\.models\.)\w+")


class ComposedDocstring:
    """Gives the classes of each model complete docstrings from their bases.

    In the source, a class that sets `backbone_cls` only has a summary line. The
    description and each following section come from the first base class in
    this package that has them. The example of a base class is written for
    MobileBERT, and gets the names of the class and of its tiny preset. The
    reference is that of the backbone. Sections of the class itself are kept.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        backbone_cls = vars(cls).get("backbone_cls")
        # `python -OO` removes all docstrings.
        if backbone_cls is not None and cls.__doc__:
            cls.__doc__ = _compose(cls, backbone_cls)


def _compose(cls, backbone_cls):
    package = __name__.partition(".")[0]
    found = {}
    for base in reversed(cls.__mro__[1:]):
        sections = _sections(base)
        # Mixins have no headings, and their descriptions are internal.
        if base.__module__.startswith(f"{package}.") and not (
            sections.keys().isdisjoint(_HEADINGS)
        ):
            found.update(sections)
    example = _CLASS.sub(cls.__name__, found.get("Example", ""))
    model = backbone_cls.__name__.removesuffix("Backbone")
    model = re.sub(r"(?<!^)(?=[A-Z])", "_", model).lower()
    found["Example"] = example.replace("mobile_bert", model)
    found["Reference"] = _sections(backbone_cls).get("Reference")
    found.update(_sections(cls))
    parts = [found["summary"], found.get("description")]
    for heading in _HEADINGS:
        if found.get(heading):
            # An example is preceded by an empty line.
            gap = "\n\n" if heading == "Example" else "\n"
            parts.append(f"{heading}:{gap}{found[heading]}")
    return "\n\n".join(filter(None, parts))


def _sections(cls):
    """Split the docstring of a class into sections, by name."""
    docstring = inspect.cleandoc(vars(cls).get("__doc__") or "")
    head, *rest = _HEADING.split(docstring)
    summary, _, description = head.partition("\n\n")
    sections = {"summary": summary, "description": description}
    sections.update(zip(rest[::2], rest[1::2], strict=True))
    # The text of a section is indented, but not that of an example.
    return {
        name: text.strip("\n").rstrip()
        for name, text in sections.items()
        if text.strip()
    }
