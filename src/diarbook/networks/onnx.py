"""Networks as ONNX: sessions, and an exporter that keeps quiet.

Chapter: embeddings
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from diarbook.files import write_atomically

THREADS = 2
OPSET = 17


def session(path: Path):
    """An ONNX network on the processor, with two threads that do not spin while they wait.

    Chapter: embeddings
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def export(
    build: Callable,
    path: Path,
    shape: tuple[int, ...],
    axes: Mapping[str, Mapping[int, str]],
    check: Callable[[Path], None] | None = None,
) -> Path:
    """Write a PyTorch network as ONNX, once: the file's name says of which weights it is.

    Parameters
    ----------
    build : callable
        Gives the network; called only when the file is not there.
    path : path
    shape : tuple of int
        Of the example input.
    axes : mapping
        Names of the input and of the output, in this order, each with its axes of variable length.
    check : callable, optional
        Raises when the exported file, at a path that it is given, is not what it should be; nothing is kept then.

    Chapter: embeddings
    """
    if path.is_file():
        return path
    import torch

    inputs, outputs = axes
    with tempfile.TemporaryDirectory() as folder, quiet_exporter():
        draft = Path(folder) / "model.onnx"
        torch.onnx.export(
            build(),
            (torch.zeros(shape),),
            str(draft),
            dynamo=False,
            opset_version=OPSET,
            input_names=[inputs],
            output_names=[outputs],
            dynamic_axes={name: dict(variable) for name, variable in axes.items()},
        )
        if check is not None:
            check(draft)
        write_atomically(path, draft.read_bytes())
    return path


@contextmanager
def quiet_exporter() -> Iterator[None]:
    """Run PyTorch's exporter without its advice on a reader's page, and without the package ``onnx``.

    The exporter needs that package for one last step, which adds custom functions; our networks have none. Where it
    is not installed the step is left out.

    Chapter: embeddings
    """
    import logging
    import warnings
    from importlib.util import find_spec
    from unittest import mock

    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    step = "torch.onnx._internal.torchscript_exporter.onnx_proto_utils._add_onnxscript_fn"
    skip = nullcontext() if find_spec("onnx") else mock.patch(step, lambda model, _: model)
    try:
        with warnings.catch_warnings(), skip:
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
