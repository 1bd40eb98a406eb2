"""Model graphs rewritten at install time: weights as plain float32, batches free, PReLU fast.

Published files come quantised in blocks, for one photo at a time, or in another library's format;
ONNX Runtime refuses some of them and runs others slowly.  Nothing outside this package uses `onnx`.
"""

from fastface.graphs.byte_chains import read_byte_chain
from fastface.graphs.chains import ChainLayer, ChainWeights, read_chain_weights
from fastface.graphs.conversions import (
    INPUT,
    OUTPUT,
    convert_chain_int8,
    convert_dlib,
    convert_embedder,
    convert_faceplugin,
    convert_rounded,
    convert_sface_int8,
    convert_yunet,
)
from fastface.graphs.graph import Graph, attributes, read, write
from fastface.graphs.mobile import fit_mobile
from fastface.graphs.rewrites import (
    drop_tiny_weights,
    fold_constants,
    free_axes,
    reverse_input_channels,
    rewrite_prelu,
)
from fastface.graphs.stages import expose_stages
from fastface.graphs.yunet import YunetWeights, read_yunet

__all__ = [
    "INPUT",
    "OUTPUT",
    "ChainLayer",
    "ChainWeights",
    "Graph",
    "YunetWeights",
    "attributes",
    "convert_chain_int8",
    "convert_dlib",
    "convert_embedder",
    "convert_faceplugin",
    "convert_rounded",
    "convert_sface_int8",
    "convert_yunet",
    "drop_tiny_weights",
    "expose_stages",
    "fit_mobile",
    "fold_constants",
    "free_axes",
    "read",
    "read_byte_chain",
    "read_chain_weights",
    "read_yunet",
    "reverse_input_channels",
    "rewrite_prelu",
    "write",
]
