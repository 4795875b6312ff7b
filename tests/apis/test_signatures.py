"""What a constructor takes, read from its source."""

import pytest
from torch.optim import AdamW

from mmuda.apis.signatures import signature_of


class Base:
    def __init__(self, width: int, name: str = 'x', rate: float | None = None, on: bool = True, kind: bool = 'both'):
        pass


class HandsOn(Base):
    def __init__(self, depth=3, **kwargs):
        super().__init__(**kwargs)


class OldStyle(Base):
    def __init__(self, depth, **kwargs):
        Base.__init__(self, name='y', **kwargs)


class Reads(Base):
    def __init__(self, **kwargs):
        self.colour = kwargs.pop('colour', None)
        self.size = kwargs['size']
        self.wide = 'wide' in kwargs
        super().__init__(**kwargs)


class Drops(Base):
    def __init__(self, depth, **kwargs):
        super().__init__(3)


class Unknown(Base):
    def __init__(self, depth, **kwargs):
        self.rest = kwargs


class Inherits(HandsOn):
    pass


def function(a, b: int = 1):
    pass


def open_function(a, **kwargs):
    pass


BASE = ['width', 'name', 'rate', 'on', 'kind']


@pytest.mark.parametrize(
    'target, names, complete',
    [
        (Base, BASE, True),
        (HandsOn, ['depth', *BASE], True),
        (Inherits, ['depth', *BASE], True),
        (OldStyle, ['depth', *BASE], True),
        (Reads, ['colour', 'size', 'wide', *BASE], True),
        (Drops, ['depth'], True),
        (Unknown, ['depth', *BASE], False),
        (function, ['a', 'b'], True),
        (open_function, ['a'], False),
    ],
)
def test_the_names(target, names, complete):
    found = signature_of(target)
    assert sorted(found.parameters) == sorted(names)
    assert found.complete is complete


def test_what_is_no_text():
    found = signature_of(HandsOn)
    refused = {name for name in found.parameters if found.refuses_text(name)}
    assert refused == {'depth', 'width', 'rate', 'on'}
    assert not found.refuses_text('unheard_of')


def test_a_number_beside_a_tensor_is_no_text():
    assert signature_of(AdamW).refuses_text('lr')
    assert not signature_of(AdamW).refuses_text('params')
