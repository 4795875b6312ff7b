"""Read a list file: one entry a line, however the editor that wrote it encodes text and ends lines."""

import codecs
import re

from .checks import file_problem
from .errors import DataError

_MARKS = {
    codecs.BOM_UTF8: 'utf-8-sig',
    codecs.BOM_UTF32_LE: 'utf-32',  # begins like UTF-16's
    codecs.BOM_UTF16_LE: 'utf-16',
    codecs.BOM_UTF16_BE: 'utf-16',
}


def read_ann_file(path: str) -> list[str]:
    """Return the entries of a list file, without empty lines and the blanks around entries.

    UTF-8 with or without a mark, and UTF-16 and UTF-32 with one; lines may end as on any system.

    Raises:
        DataError: A file that is missing, empty, or no such text.
    """
    if problem := file_problem(path):
        raise DataError(f"The list file '{path}' {problem}: check `ann_file`.")
    with open(path, 'rb') as file:
        content = file.read()
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), 'utf-8')
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(f"The list file '{path}' is no text in {encoding} ({error}): save it as UTF-8.") from error
    if '\0' in text:
        raise DataError(f"The list file '{path}' has zero bytes in its text: save it as UTF-8.")
    entries = [line.strip() for line in re.split(r'\r\n|\r|\n', text)]
    entries = [entry for entry in entries if entry]
    if not entries:
        raise DataError(f"The list file '{path}' has no entry: check `ann_file`.")
    return entries
