"""What is cut of a model, and that the optimizer goes on with the parts."""

import signal

import pytest
import torch
from torch import nn

from mmuda.engine.sharding import ShardedClip, blocks_of, encoders_of, own_part


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)


class Encoder(nn.Module):
    """Two stages as in a MiT, a stem as in a ResNet."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        self.stages = nn.ModuleList(
            nn.ModuleList([nn.Linear(3, 3), nn.ModuleList([Block() for _ in range(count)])]) for count in (1, 2)
        )


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.student = nn.Module()
        self.student.backbone, self.student.head = Encoder(), nn.Linear(3, 2)
        self.reference = Encoder()


def test_blocks_are_the_outermost_modules_in_lists_of_their_like():
    encoder = Encoder()
    names = {module: name for name, module in encoder.named_modules()}
    assert [names[block] for block in blocks_of(encoder)] == ['stages.0.1.0', 'stages.1.1.0', 'stages.1.1.1']


@pytest.mark.parametrize('kind, count', [('mmuda.MixVisionTransformer', 16), ('ResNet', 8)])
def test_blocks_of_encoders_are_their_layers(kind, count):
    pytest.importorskip('mmseg')
    from mmengine.registry import DefaultScope

    from mmuda.registry import MODELS

    options = dict(type='ResNet', depth=18) if kind == 'ResNet' else dict(type=kind, embed_dims=8)
    with DefaultScope.overwrite_default_scope('mmseg'):
        encoder = MODELS.build(options)
    blocks = list(blocks_of(encoder))
    assert len(blocks) == count
    assert (
        sum(x.numel() for block in blocks for x in block.parameters())
        > sum(x.numel() for x in encoder.parameters()) / 2
    )


def test_copies_of_the_encoder_are_encoders():
    assert list(encoders_of(Model())) == ['student.backbone', 'reference']


def test_a_model_without_an_encoder_is_refused():
    with pytest.raises(TypeError, match=r'Linear has no student\.backbone to shard'):
        encoders_of(nn.Linear(1, 1))


def test_a_whole_tensor_is_its_own_part():
    parameter = nn.Parameter(torch.zeros(2))
    assert own_part(parameter).data_ptr() == parameter.data_ptr()
    assert not own_part(parameter).requires_grad


def test_another_norm_is_refused():
    with pytest.raises(ValueError, match='norm_type=1, but sharded gradients'):
        ShardedClip({}, None)([], max_norm=1.0, norm_type=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    'options',
    [
        [],
        ['--strategy', 'random', '--norm', 'mmuda.TransNorm2d', '--clip', 0.1],
        ['--amp', '--accumulate', 2],
        ['--method', 'hrda', 'mic'],
    ],
    ids=['plain', 'hybrid-TransNorm-clip', 'amp-accumulation', 'methods'],
)
def test_two_ranks_with_parts_train_as_with_whole_encoders(train, options):
    """The checkpoint is one of whole encoders; moments tell of gradients."""
    folders = {}
    for name, more in (('whole', []), ('parts', ['--shard'])):
        codes, folders[name], logs = train(name, '--max-iters', 2, *options, *more, ranks=2)
        assert codes == [0, 0], logs[0][-3000:]
    for file in folders['whole'].rglob('iter_2.pth'):
        whole, parts = (
            torch.load(path, map_location='cpu', weights_only=False)
            for path in (file, folders['parts'] / file.relative_to(folders['whole']))
        )
        assert list(whole) == list(parts)
        torch.testing.assert_close(parts['optimizer'], whole['optimizer'], rtol=0, atol=1e-7)
        torch.testing.assert_close(parts['state_dict'], whole['state_dict'], rtol=2e-6, atol=2e-6)


@pytest.mark.slow
def test_killed_and_resumed_in_parts_equals_uninterrupted(train, trained):
    options = ['--max-iters', 4, '--shard']
    whole = trained('whole', *options, ranks=2)
    codes, _, logs = train('cut', *options, '--kill-at', 2, ranks=2)
    assert all(code == -signal.SIGKILL for code in codes), logs[0][-3000:]
    cut = trained('cut', *options, '--resume', ranks=2)
    for key in ('state_dict', 'optimizer'):
        torch.testing.assert_close(cut[key], whole[key], rtol=0, atol=0)
