"""Vectors of released code that the tests of this room share."""

import json

import pytest


@pytest.fixture(scope='session')
def segmentation_vectors(repo):
    """``segmentation_vectors(key)`` → inputs and outputs of a function of an official repository."""
    vectors = json.loads((repo / 'tests/data/segmentation_vectors.json').read_text())
    return lambda key: (vectors[key]['inputs'], vectors[key]['outputs'])
