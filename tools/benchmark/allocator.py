"""What keeping freed memory buys (mmuda.apis.allocator): the bare step in processes with and without it, in turns.

python tools/benchmark/allocator.py --head DAFormerHead --threads 1
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys

import torch
from measuring import COLUMNS, Elapsed, clock, environment, row, table

from mmuda.apis import ToolParser, UserError, run_tool

SIDES = ('before', 'after')


def child(args: argparse.Namespace) -> dict:
    """Step in one process; return the times, page faults per step, and the peak of its resident memory."""
    from floor import Floor
    from leads import batch, network

    from mmuda.apis.allocator import keep_freed_memory

    if args.side == 'after' and not keep_freed_memory():
        raise UserError('This system has no glibc: there is nothing to compare.')
    torch.manual_seed(args.seed)
    floor = Floor(network(args.head))
    images, labels = batch(args.size)
    for _ in range(2):
        floor.step(images, labels)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    times = [clock(lambda: floor.step(images, labels)) for _ in range(args.iters)]
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return dict(times=times, faults=(usage.ru_minflt - faults) / args.iters, peak=usage.ru_maxrss / 1024)


def spawn(side: str) -> dict:
    """Run the same command line in a child process."""
    command = [sys.executable, *sys.argv, '--side', side]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main() -> None:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument('--head', default='SegformerHead', choices=['SegformerHead', 'DAFormerHead'])
    parser.add_argument('--rounds', type=int, default=3, help='processes of each side')
    parser.add_argument('--iters', type=int, default=5, help='measured steps of a process')
    parser.add_argument('--size', type=int, default=256)
    parser.add_argument('--threads', type=int)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--side', choices=SIDES, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.side:
        print(json.dumps(child(args)))
        return
    runs = {side: [] for side in SIDES}
    for _ in range(args.rounds):
        for side in SIDES:
            runs[side].append(spawn(side))
    times = {side: [Elapsed(*pair) for run in runs[side] for pair in run['times']] for side in SIDES}
    print(environment(head=args.head, size=args.size, rounds=args.rounds, iters=args.iters, seed=args.seed))
    rows = [
        (
            *row(f'allocator, {side}', times[side], times['before']),
            f'{max(run["faults"] for run in runs[side]):.0f}',
            f'{max(run["peak"] for run in runs[side]):.0f}',
        )
        for side in SIDES
    ]
    print(table(('lead', *COLUMNS, 'page faults', 'peak MiB'), rows))


if __name__ == '__main__':
    run_tool(main)
