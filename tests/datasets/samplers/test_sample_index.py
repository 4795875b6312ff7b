"""An index that survives the way to a worker."""

import copy
import pickle

from mmuda.datasets import SampleIndex


def test_it_is_an_int_with_attributes():
    index = SampleIndex(3, seed=9, rare_class=1, pseudo_label=2)
    assert index == 3
    assert [10, 11, 12, 13][index] == 13
    assert (index.seed, index.rare_class, index.pseudo_label) == (9, 1, 2)
    assert (SampleIndex(3).seed, SampleIndex(3).rare_class, SampleIndex(3).pseudo_label) == (None, None, None)


def test_it_pickles_with_its_attributes():
    index = SampleIndex(3, seed=2**63 + 1, rare_class=0, pseudo_label=4)
    for twin in (pickle.loads(pickle.dumps(index)), copy.deepcopy(index)):
        assert type(twin) is SampleIndex
        assert (int(twin), twin.seed, twin.rare_class, twin.pseudo_label) == (3, 2**63 + 1, 0, 4)


def test_repr_names_everything():
    assert repr(SampleIndex(1, 2, 3, 4)) == 'SampleIndex(1, seed=2, rare_class=3, pseudo_label=4)'
