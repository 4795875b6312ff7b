"""mmengine's local files, written whole or not at all: checkpoints, published and best ones, everything it dumps.

mmengine writes in place, so a process that is killed meanwhile leaves half a checkpoint under its final name.
"""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.fileio import FileClient, LocalBackend, register_backend

from .atomic import atomic_write


class WholeFileBackend(LocalBackend):
    """mmengine's ``LocalBackend``, but a file is there when all of it is."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes, making the folder.

        Raises:
            OSError: The file cannot be written; it is as it was.
        """
        os.makedirs(os.path.dirname(filepath) or '.', exist_ok=True)
        with atomic_write(filepath) as file:
            file.write(obj)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text, as :meth:`put` does."""
        self.put(obj.encode(encoding), filepath)


register_backend('local', WholeFileBackend, force=True, prefixes='')
FileClient.register_backend('disk', WholeFileBackend, force=True)  # of the deprecated file_client_args
