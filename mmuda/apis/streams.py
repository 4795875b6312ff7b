"""The streams that a tool prints on: any name of a file can be shown, and a message begins on a line of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


class Terminal:
    """Knows whether the last text on standard output or standard error has ended its line; a progress bar has not.

    A bar holds the stream that it was given, which may be older than the tool: the stream itself is watched, not
    replaced.
    """

    def __init__(self) -> None:
        self.unended: TextIO | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch both streams while a block runs."""
        streams = [stream for stream in (sys.stdout, sys.stderr) if stream is not None]
        writes = [stream.write for stream in streams]
        for stream in streams:
            if hasattr(stream, 'reconfigure'):  # names of files need not be what a terminal can show
                stream.reconfigure(errors='backslashreplace')
            self._watch(stream)
        try:
            yield
        finally:
            for stream, write in zip(streams, writes):
                stream.write = write

    def _watch(self, stream: TextIO) -> None:
        write = stream.write

        def watched_write(text: str) -> int:
            if text:
                self.unended = None if text.endswith('\n') else stream
            return write(text)

        stream.write = watched_write

    def end_line(self) -> None:
        """End the line that the last text has left open."""
        if self.unended is not None:
            print(file=self.unended, flush=True)
