"""One rank of a gloo group: trains every norm on its part of a batch, and saves what came out.

    python norm_worker.py OUT BATCH.pth 3,3:3,3 1,4:5,2

The last arguments are the cases: source and target rows of one rank, then of the other. Started by
`test_two_processes.py`, which trains the same norms on the whole batch.
"""

import argparse

import torch
import torch.distributed as dist

from mmuda.domain import DomainBatch, bind_domain_context
from mmuda.models.layers import AdaBN2d, AutoDIAL2d, DomainSpecificBatchNorm2d, TransNorm2d
from mmuda.models.layers.norms import two_domain_norm

torch.set_num_threads(1)


def build(channels: int) -> dict:
    """Every norm, in float64."""
    norms = dict(
        trans_norm=TransNorm2d(channels),
        with_gradient=TransNorm2d(channels, detach_alpha=False),
        specific=DomainSpecificBatchNorm2d(channels),
        ada=AdaBN2d(channels),
        dial=AutoDIAL2d(channels, initial=0.7),
    )
    return {name: norm.double() for name, norm in norms.items()}


def train(norm: torch.nn.Module, source: torch.Tensor, target: torch.Tensor) -> dict:
    """Output and input gradient of each domain, sums of parameter gradients over the ranks, statistics."""
    bind_domain_context(norm).set(DomainBatch(len(source), len(target)))
    x = torch.cat((source, target)).requires_grad_()
    y = norm(x)
    (y * y.cos()).sum().backward()
    gradients = {name: parameter.grad for name, parameter in norm.named_parameters()}
    if dist.is_initialized():
        for gradient in gradients.values():
            dist.all_reduce(gradient)
    parts = [tuple(value.split((len(source), len(target)))) for value in (y.detach(), x.grad)]
    return dict(parts=parts, gradients=gradients, buffers=dict(norm.named_buffers()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('out')
    parser.add_argument('batch')
    parser.add_argument('cases', nargs='+')
    parser.add_argument('--triton', action='store_true', help="Triton's kernels, interpreted")
    args = parser.parse_args()
    two_domain_norm.has_triton_kernels = lambda x: args.triton
    dist.init_process_group('gloo')
    results = {}
    for case in args.cases:
        sizes = [tuple(map(int, pair.split(','))) for pair in case.split(':')]
        domains = zip(torch.load(args.batch), zip(*sizes))
        source, target = (rows.split(counts)[dist.get_rank()] for rows, counts in domains)
        results[case] = {name: train(norm, source, target) for name, norm in build(source.shape[1]).items()}
    torch.save(results, args.out)
    dist.destroy_process_group()


if __name__ == '__main__':
    main()
