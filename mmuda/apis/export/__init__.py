"""A network as one file that needs neither its config nor a toolbox: ONNX or TorchScript."""

from .export import Row, check_paths, export
from .formats import FORMATS, OPSET

__all__ = ['FORMATS', 'OPSET', 'Row', 'check_paths', 'export']
