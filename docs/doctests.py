"""For the reference: examples in docstrings as code, which Markdown would take for quotations and links."""

import re

import griffe

EXAMPLE = re.compile(r"^>>>.*(?:\n.+)*", re.MULTILINE)


class FencedDoctests(griffe.Extension):
    """Puts a fence around every example of a docstring."""

    def on_instance(self, *, obj: griffe.Object, **kwargs) -> None:
        """Change the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = EXAMPLE.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
