"""Compiles every launch of the norms' kernels for a GPU that need not be there.

Prints how many different ones there were, and the most that one training pass of a norm has, forward and backward.

    TRITON_INTERPRET=0 python compile_norm_kernels.py 90

The argument is the compute capability. Started by `test_triton_norm.py`.
"""

import sys

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction
from two_domain_norms import KINDS, batch, bound

TYPES = {
    torch.float32: 'fp32', torch.float64: 'fp64', torch.bfloat16: 'bf16', torch.float16: 'fp16', torch.int64: 'i64',
}  # fmt: skip
LAUNCHES = set()
COUNTS = [0]  # launches of each pass


def kind_of(value) -> str:
    """Of a kernel's argument, as Triton's launcher would find it."""
    if isinstance(value, torch.Tensor):
        return f'*{TYPES[value.dtype]}'
    return {int: 'i32', float: 'fp32'}[type(value)]


def compile_launch(kernel: JITFunction, *args, grid, warmup, **constants) -> None:
    """In place of a launch."""
    COUNTS[-1] += 1
    names = [name for name in kernel.arg_names if name not in constants]
    given = dict(zip(names, args, strict=True))
    constants |= {name: value for name, value in given.items() if value is None or (type(value) is int and value == 1)}
    types = {name: 'constexpr' if name in constants else kind_of(given[name]) for name in kernel.arg_names}
    launch = (
        kernel.fn.__name__,
        *sorted(types.items()),
        *sorted((key, str(value)) for key, value in constants.items()),
    )
    if launch not in LAUNCHES:
        LAUNCHES.add(launch)
        triton.compile(ASTSource(kernel, types, constants), target=GPUTarget('cuda', int(sys.argv[1]), 32))


def train(norm: torch.nn.Module, dtype: torch.dtype) -> None:
    """One pass in either memory format; nothing is computed."""
    for layout in (torch.contiguous_format, torch.channels_last):
        x = batch().to(dtype).contiguous(memory_format=layout).requires_grad_()
        COUNTS.append(0)
        bound(norm)(x).sum().backward()


def main() -> None:
    JITFunction.run = compile_launch
    from mmuda.models.layers.norms import two_domain_norm

    two_domain_norm.has_triton_kernels = lambda x: True
    for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
        for affine in (True, False) if dtype == torch.float32 else (True,):
            for name, kind in KINDS.items():
                if 'gradient' not in name:
                    train(kind(6, affine=affine).to(torch.promote_types(dtype, torch.float32)), dtype)
    print(len(LAUNCHES), max(COUNTS))


if __name__ == '__main__':
    main()
