"""What the site has beside `docs/*.md`: READMEs as pages, a page of the API for each room, links that lead somewhere.

A hook of mkdocs. A link of a page to another page of the site becomes one of the site; a link to a file of the
repository, which the site does not have, becomes plain text.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPO = Path(__file__).resolve().parents[2]
LINK = re.compile(r'(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)')
ROOMS = {  # page of the API -> folder below mmuda/, and what stands there
    'functional': ('functional', 'Pure functions of tensors, an equation each.'),
    'layers': ('models/layers', "Layers that know each sample's domain, and branches."),
    'norms': ('models/layers/norms', 'Norms of two domains.'),
    'views': ('models/views', 'Views of a training step, and their makers.'),
    'terms': ('models/terms', 'Summands of the loss.'),
    'labellers': ('models/labellers', 'Who labels the target.'),
    'models': ('models/uda', 'The wrapped models.'),
    'datasets': ('datasets', 'Data sets, samplers beside them.'),
    'hooks': ('engine/hooks', 'Hooks of a training.'),
    'evaluation': ('evaluation', 'Scores.'),
    'inference': ('apis/inferencer.py', 'Predicting on images of your own.'),
}


def sources() -> dict[str, str]:
    """Pages that stand outside of `docs/`: their place in the repository -> their place in the site."""
    methods = {
        f'configs/{path.parent.name}/README.md': f'methods/{path.parent.name}.md'
        for path in REPO.glob('configs/*/README.md')
    }
    return {'README.md': 'index.md', 'CONTRIBUTING.md': 'contributing.md', 'CHANGELOG.md': 'changelog.md'} | methods


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand outside of `docs/`, and those of the API."""
    for origin, place in sources().items():
        files.append(File.generated(config, place, content=(REPO / origin).read_text(encoding='utf-8')))
    for name, (folder, what) in ROOMS.items():
        files.append(File.generated(config, f'api/{name}.md', content=api_page(name, folder, what)))
    return files


def api_page(name: str, folder: str, what: str) -> str:
    """Write a heading for each module of a room; mkdocstrings fills them in from docstrings."""
    path = REPO / 'mmuda' / folder
    modules = [path] if path.is_file() else sorted(path.glob('[!_]*.py'))
    parts = [f'# {name.capitalize()}\n\n{what}\n']
    for module in modules:
        dotted = '.'.join(module.relative_to(REPO).with_suffix('').parts)
        parts.append(f'## {module.stem}\n\n::: {dotted}\n')
    return '\n'.join(parts)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let each link lead to a page of the site, or to nowhere."""
    origins = {place: origin for origin, place in sources().items()}
    here = origins.get(page.file.src_uri, f'docs/{page.file.src_uri}')
    return '\n'.join(_mended_lines(markdown, here, page.file.src_uri, files))


def _mended_lines(markdown: str, here: str, place: str, files: Files) -> Iterator[str]:
    """All lines, links replaced outside of blocks of code."""
    fenced = False
    for line in markdown.split('\n'):
        fenced ^= line.lstrip().startswith('```')
        code = fenced or line.startswith('    ')
        yield line if code else LINK.sub(lambda link: _mended(link, here, place, files), line)


def _mended(link: re.Match, here: str, place: str, files: Files) -> str:
    image, text, target = link.groups()
    path, _, anchor = target.partition('#')
    if '://' in target or not path:
        return link[0]
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
    wanted = f'{wanted}/README.md' if (REPO / wanted / 'README.md').is_file() else wanted
    found = sources().get(wanted, wanted.removeprefix('docs/') if wanted.startswith('docs/') else None)
    if found is None or files.get_file_from_path(found) is None:
        return text
    near = posixpath.relpath(found, posixpath.dirname(place) or '.')
    return f'{image}[{text}]({near}{"#" + anchor if anchor else ""})'
