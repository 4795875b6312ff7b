"""Sums and rows over two processes, and the gradients of rows; a process by itself."""

import multiprocessing
from datetime import timedelta

import torch
import torch.distributed as dist

from mmuda.processes import gather_over_ranks, num_ranks, rows_of_all_ranks, sum_over_ranks

fork = multiprocessing.get_context('fork')


def rows_of(rank: int) -> torch.Tensor:
    """Two rows of three values."""
    return 10.0 * rank + torch.arange(6.0).view(2, 3)


def loss_of(rows: torch.Tensor) -> torch.Tensor:
    """Of the rows of all processes; each counts differently."""
    return (rows.square() * torch.arange(1.0, 13).view(4, 3)).sum()


def _rank(rank, folder):
    store = dist.FileStore(str(folder / 'store'), 2)
    dist.init_process_group('gloo', store=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    x = rows_of(rank).requires_grad_()
    rows = rows_of_all_ranks(x)
    loss_of(rows).backward()
    found = dict(ranks=num_ranks(), rows=rows.detach(), gathered=gather_over_ranks(x.detach()), grad=x.grad)
    torch.save(found | dict(sum=sum_over_ranks(rows_of(rank).t())), folder / f'{rank}.pth')
    dist.barrier()


def test_two_processes(tmp_path):
    processes = [fork.Process(target=_rank, args=(rank, tmp_path)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    both = torch.stack([rows_of(0), rows_of(1)])
    rows = torch.stack([both[0, 0], both[1, 0], both[0, 1], both[1, 1]]).requires_grad_()  # they take turns
    (grad,) = torch.autograd.grad(loss_of(rows), rows)
    for rank in range(2):
        found = torch.load(tmp_path / f'{rank}.pth')
        assert found['ranks'] == 2
        assert torch.equal(found['rows'], rows)
        assert torch.equal(found['gathered'], both)
        assert torch.equal(found['sum'], both.sum(0).t())
        assert torch.equal(found['grad'], 2 * grad[rank::2])  # each of the two processes has the loss of all rows


def test_a_process_by_itself():
    x = rows_of(0)
    assert num_ranks() == 1
    assert rows_of_all_ranks(x) is x
    assert sum_over_ranks(x) is x
