"""Names of a package that are imported when somebody asks for them: a command says `--help` without loading torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_exports(
    package: str, places: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Make a package's ``__getattr__``, ``__dir__`` and ``__all__`` (PEP 562).

        __getattr__, __dir__, __all__ = lazy_exports(__name__, dict(errors=('UserError', 'run_tool')))

    Args:
        package: Its name.
        places: The names that each of its modules gives.

    Raises:
        ValueError: A name is a module's, too.
    """
    if clash := {name for names in places.values() for name in names} & {*places}:
        raise ValueError(f'{package}: {sorted(clash)} are modules, which would hide what they are to give.')
    module_of = {name: module for module, names in places.items() for name in names}

    def get(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f'module {package!r} has no attribute {name!r}')
        return getattr(import_module(f'{package}.{module_of[name]}'), name)

    return get, lambda: sorted(module_of), sorted(module_of)
