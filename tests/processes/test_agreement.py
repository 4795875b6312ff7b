"""All ranks learn the largest proposal after the same step."""

import multiprocessing
from datetime import timedelta

import torch.distributed as dist

from mmuda.processes import Agreement

fork = multiprocessing.get_context('fork')


def test_one_process_agrees_with_itself():
    agreement = Agreement(10)
    for number in (0, 15, 0):
        agreement.propose(number)
        assert agreement.result() == number
    assert agreement.smallest(7) == 7


def _rank(rank, file, pipe):
    store = dist.FileStore(file, 2)
    dist.init_process_group('gloo', store=store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    agreement = Agreement(2 if rank == 0 else 60)
    results = [agreement.smallest(5 + rank)]
    for step in range(3):
        agreement.propose(10 * (step == rank))
        results.append(agreement.result())
    pipe.send(results)
    if rank == 0:
        agreement.propose(0)
        try:
            agreement.result()
        except RuntimeError as error:
            pipe.send(str(error))
    pipe.recv()


def test_two_ranks(tmp_path):
    pipes = [fork.Pipe() for _ in range(2)]
    processes = [fork.Process(target=_rank, args=(i, str(tmp_path / 'store'), pipes[i][1])) for i in range(2)]
    for process in processes:
        process.start()
    assert [ours.recv() for ours, _ in pipes] == [[5, 10, 10, 0]] * 2
    text = pipes[0][0].recv()
    assert text.startswith('rank 0 does not hear from another rank, which has ended or hangs')
    for (ours, _), process in zip(pipes, processes):
        ours.send('end')
        process.kill()
        process.join()
