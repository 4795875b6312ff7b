"""Package metadata. The OpenMMLab libraries are extras: see requirements/mm.txt for why."""

import re
from itertools import chain
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def read(path: str) -> str:
    return (HERE / path).read_text(encoding='utf-8')


def requirements(name: str) -> list[str]:
    """Return the requirements in `requirements/<name>.txt` without their comments."""
    lines = (line.partition('#')[0].strip() for line in read(f'requirements/{name}.txt').splitlines())
    return [line for line in lines if line]


def mim_files() -> list[str]:
    """Find configs, tools and index of models, which stand in `mmuda/.mim` by links, where MIM and mmengine look."""
    links = HERE / 'mmuda' / '.mim'
    if not (links / 'configs').is_dir():
        raise SystemExit(
            f'{links} holds no links to configs and tools: check out again with `git config core.symlinks true`.'
        )
    found = [path for name in ('configs', 'tools') for path in (links / name).rglob('*') if path.is_file()]
    return [str(path.relative_to(HERE / 'mmuda')) for path in found if '__pycache__' not in path.parts] + [
        '.mim/model-index.yml'
    ]


EXTRAS = {
    'mm': requirements('mm'),
    'cls': requirements('classification'),
    'timm': requirements('timm'),
    'export': requirements('export'),
    'optional': requirements('optional'),
}

# The maintained fork, in the place of `mm`: the same import names.
FORK = ['onedl-mmengine', 'onedl-mmcv', 'onedl-mmsegmentation', 'onedl-mmpretrain']

setup(
    name='mmuda',
    version=re.search(r"__version__ = '(.+)'", read('mmuda/__init__.py')).group(1),
    description='Unsupervised domain adaptation for segmentation and classification on OpenMMLab',
    long_description=read('README.md') if (HERE / 'README.md').exists() else '',
    long_description_content_type='text/markdown',
    author='mmuda contributors',
    license='Apache-2.0',
    package_data={'mmuda': ['apis/pages/*.html', 'apis/pages/*.css', *mim_files()]},
    packages=find_packages(include=['mmuda', 'mmuda.*']),
    # mmengine builds optimizers by pkgutil.find_loader, which Python 3.14 removed: see mmuda/compat/versions.py
    python_requires='>=3.10,<3.14',
    entry_points={'console_scripts': ['mmuda = mmuda.__main__:main']},
    # OpenCV comes with the OpenMMLab libraries; a second one would write over its files.
    install_requires=[name for name in requirements('runtime') if not name.startswith('opencv')],
    extras_require={
        **EXTRAS,
        'all': [*chain(*EXTRAS.values())],
        'onedl': FORK,
        'tests': requirements('tests'),
        'docs': requirements('docs'),
    },
)
