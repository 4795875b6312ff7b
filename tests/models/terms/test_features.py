"""Terms that compare samples see those of all processes: two gloo ranks have the loss and gradients of one."""

import multiprocessing
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

pytest.importorskip('mmcv')

from mmuda.models.terms import ACDA, DAN, JAN, SegmentationACDA
from mmuda.models.views import View

RANKS = 2
MAPS = dict(taps=('a', 'b'), in_channels=(3, 5), channels=2, size=2, norm_cfg=None)
TERMS = {
    'dan': lambda **options: DAN(taps=('neck', 'a'), scores=True, **options),
    'unbiased': lambda **options: DAN(estimator='unbiased', **options),
    'linear': lambda **options: DAN(estimator='linear', **options),
    'jan': lambda **options: JAN(reduction='sum', **options),
    'acda': lambda **options: ACDA(**MAPS, same_taps=('neck', 'probs'), detach=False, **options),
    'intra': lambda **options: ACDA(**MAPS, condition='intra', **options),
    'cdd': lambda **options: ACDA(**MAPS, condition='cdd', num_classes=3, **options),
    'segmentation': lambda **options: SegmentationACDA(**MAPS, same_taps=('a',), **options),
    'whole images': lambda **options: SegmentationACDA(**MAPS, same_taps=('a',), condition='none', **options),
}


def result(name: str, rank: int = 0, ranks: int = 1, **options) -> dict[str, torch.Tensor]:
    """The loss; gradients of the features of this rank's samples, those of parameters as DDP averages them."""
    torch.manual_seed(0)
    term = TERMS[name](**options).double()
    views = [view(name, number, rank, ranks) for number in range(2)]
    loss = term(*views, torch.tensor(0))['loss']
    loss.backward()
    found = dict(loss=loss.detach())
    for domain, one in zip('st', views):
        leaves = dict(one.features, logits=one.logits)
        found |= {f'{domain}.{key}': leaf.grad / ranks for key, leaf in leaves.items() if leaf.grad is not None}
    for key, parameter in term.named_parameters():
        if ranks > 1:
            dist.all_reduce(parameter.grad)
        found[key] = parameter.grad / ranks
    return found


def view(name: str, domain: int, rank: int, ranks: int) -> View:
    """A rank's rows of eight source samples, or of four (the linear estimate: eight) of the target."""
    count = 8 if domain == 0 or name == 'linear' else 4
    cells = (4, 4) if name in ('segmentation', 'whole images') else ()
    shapes = dict(neck=(4,), a=(3, 4, 4), b=(5, 2, 3))
    features = {key: torch.randn(count, *shape, dtype=torch.float64) + domain for key, shape in shapes.items()}
    logits = torch.randn(count, 3, *cells, dtype=torch.float64)
    label = torch.randint(0, 3, (count, *cells))
    features = {key: x[rank::ranks].clone().requires_grad_() for key, x in features.items()}
    logits, label = logits[rank::ranks].clone().requires_grad_(), label[rank::ranks]
    return View(torch.zeros(len(label), 1), features, logits, label)


def _rank(rank: int, folder) -> None:
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / 'store'), RANKS)
    dist.init_process_group('gloo', store=store, rank=rank, world_size=RANKS, timeout=timedelta(seconds=120))
    found = {name: result(name, rank, RANKS) for name in TERMS}
    torch.save(dict(all=found, own=result('dan', rank, RANKS, gather=False)), folder / f'{rank}.pth')
    dist.barrier()


@pytest.fixture(scope='module')
def ranks(tmp_path_factory) -> list[dict]:
    folder = tmp_path_factory.mktemp('ranks')
    fork = multiprocessing.get_context('fork')
    processes = [fork.Process(target=_rank, args=(rank, folder)) for rank in range(RANKS)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
    return [torch.load(folder / f'{rank}.pth') for rank in range(RANKS)]


@pytest.mark.parametrize('name', TERMS)
def test_every_process_has_the_loss_and_gradients_of_the_whole_batch(ranks, name):
    expected = result(name)
    for rank, found in enumerate(ranks):
        assert found['all'][name].keys() == expected.keys()
        for key, value in found['all'][name].items():
            whole = expected[key][rank::RANKS] if key[:2] in ('s.', 't.') else expected[key]
            torch.testing.assert_close(value, whole, rtol=1e-9, atol=1e-12)


def test_without_gathering_a_process_compares_its_own_samples(ranks):
    whole, shares = result('dan')['loss'], [found['own']['loss'] for found in ranks]
    assert shares[0] != shares[1]
    assert all(abs(share - whole) > 0.01 for share in shares)
