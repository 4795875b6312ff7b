"""Package metadata. The OpenMMLab libraries are extras: see requirements/mm.txt for why."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent


def read(path: str) -> str:
    return (HERE / path).read_text(encoding='utf-8')


def requirements(name: str) -> list[str]:
    """The requirements in `requirements/<name>.txt` without their comments."""
    lines = (line.partition('#')[0].strip() for line in read(f'requirements/{name}.txt').splitlines())
    return [line for line in lines if line]


setup(
    name='mmuda',
    version=re.search(r"__version__ = '(.+)'", read('mmuda/__init__.py')).group(1),
    description='Unsupervised domain adaptation for segmentation and classification on OpenMMLab',
    long_description=read('README.md') if (HERE / 'README.md').exists() else '',
    long_description_content_type='text/markdown',
    author='mmuda contributors',
    license='Apache-2.0',
    package_data={'mmuda': ['apis/doctor/*.html']},
    packages=find_packages(include=['mmuda', 'mmuda.*']),
    python_requires='>=3.10',
    install_requires=['torch>=2.6', 'numpy', 'packaging', 'psutil'],
    extras_require={
        'mm': [*requirements('mm'), 'ftfy', 'regex'],
        'classification': ['mmpretrain==1.2.0', *requirements('classification')],
        'tests': requirements('tests'),
        'optional': requirements('optional'),
    },
)
