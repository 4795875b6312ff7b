"""The formats of an exported network: how one is written, and how it is run again.

Both are made by a trace. torch's newer way to ONNX, ``torch.export``, took 36 s of processor time for SegFormer-B0
where a trace took one, and its graph held for images of one size (torch 2.13).
"""

from __future__ import annotations

import io
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import UserError

OPSET = 17
"""Of ONNX: the first one with a layer norm, which TensorRT 8.6 and OpenVINO 2023 read, too."""

Run = Callable[[Tensor], Tensor]


class Format(NamedTuple):
    """A kind of file, and how it is made.

    Attributes:
        title: What a table calls it.
        packages: What has to be installed.
        write: (graph, example ``[B, C, H, W]``, whether height and width may differ, metadata) → the file's bytes.
        read: The file's bytes → a function of images.
    """

    title: str
    packages: tuple[str, ...]
    write: Callable[[nn.Module, Tensor, bool, Mapping[str, str]], bytes]
    read: Callable[[bytes], Run]


def write_onnx(graph: nn.Module, example: Tensor, any_size: bool, metadata: Mapping[str, str]) -> bytes:
    """Write ONNX with the input ``image``, the output ``logits`` and any number of images.

    Raises:
        UserError: An operation of the network that ONNX lacks.
    """
    import onnx

    sides = {2: 'height', 3: 'width'} if any_size else {}
    axes = dict(image={0: 'batch', **sides}, logits={0: 'batch', **sides})
    names = dict(input_names=['image'], output_names=['logits'])
    file = io.BytesIO()
    try:
        with _quiet_tracer(), _silent_stdout():
            torch.onnx.export(graph, (example,), file, dynamo=False, opset_version=OPSET, dynamic_axes=axes, **names)
    except (torch.onnx.OnnxExporterError, RuntimeError) as error:
        raise UserError(
            f'{type(graph.network).__name__} cannot become ONNX of opset {OPSET} ({_reason(error)}): name the file '
            '.pt for TorchScript'
        ) from error
    model = onnx.load_from_string(file.getvalue())
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model)
    return model.SerializeToString()


def read_onnx(content: bytes) -> Run:
    """Return a function by onnxruntime, with as many threads as torch has."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # an error is an exception, and no line on stderr beside
    session = onnxruntime.InferenceSession(content, options, providers=['CPUExecutionProvider'])
    return lambda image: torch.from_numpy(session.run(None, dict(image=image.numpy()))[0])


def write_torchscript(graph: nn.Module, example: Tensor, any_size: bool, metadata: Mapping[str, str]) -> bytes:
    """Write TorchScript whose norms are folded, with ``metadata.json`` beside the code."""
    with _quiet_tracer():
        traced = torch.jit.freeze(torch.jit.trace(graph, (example,), check_trace=False))
        file = io.BytesIO()
        torch.jit.save(traced, file, _extra_files={'metadata.json': json.dumps(dict(metadata))})
    return file.getvalue()


def read_torchscript(content: bytes) -> Run:
    """Return a function by torch alone."""
    with _quiet_tracer():
        return torch.jit.load(io.BytesIO(content))


FORMATS = {
    '.onnx': Format(f'ONNX, opset {OPSET}', ('onnx', 'onnxruntime'), write_onnx, read_onnx),
    '.pt': Format('TorchScript', (), write_torchscript, read_torchscript),
}
"""By the suffix of the file."""


@contextmanager
def _quiet_tracer() -> Iterator[None]:
    """Silence warnings of what a trace takes for constant, as the file is checked, and of torch's newer way."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')
        yield


@contextmanager
def _silent_stdout() -> Iterator[None]:
    """Silence stdout: of an export that fails torch 2.13 prints the whole graph from C++, whatever its log level."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with open(os.devnull, 'w') as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _reason(error: Exception) -> str:
    """Return the first sentence of what torch says."""
    return str(error).strip().split('\n')[0].split('. ')[0].rstrip('.')
