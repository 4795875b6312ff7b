"""Docstrings as the site shows them: an extension of griffe, which reads them.

griffe knows sections called `Examples:`, where ours say `Example:`, and shows a role of Sphinx, such as :class:, as it
is.
"""

import re
from typing import Any

import griffe

ROLE = re.compile(r':(?:class|mod|func|meth|attr):(?=`)')


class Docstrings(griffe.Extension):
    """Let examples be blocks of code, and names be names."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of an object."""
        if obj.docstring is not None:
            lines = ROLE.sub('', obj.docstring.value).split('\n')
            obj.docstring.value = '\n'.join('Examples:' if line == 'Example:' else line for line in lines)
