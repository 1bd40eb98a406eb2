"""A model file taken apart, and put together again with checks in both directions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fastface.errors import ModelError

Array = npt.NDArray[Any]

# What the rewrites here are written in: understood by ONNX Runtime 1.20 and every mobile build.
OPSET: Final = 13
# What can be read: before 7 broadcasting followed other rules; 21 has the blocks of the published
# files, which `fold_constants` removes, and is the newest that ONNX Runtime 1.20 knows.
_READABLE_OPSETS: Final = range(7, 22)
_IR_VERSION: Final = 8


@dataclass
class Graph:
    """An ONNX graph: nodes in order, constants by name, true inputs and outputs, operator set."""

    nodes: list[Any]
    constants: dict[str, Array]
    inputs: list[Any]
    outputs: list[Any]
    opset: int = OPSET
    _n_names: int = field(default=0, repr=False)

    def constant(self, value: Array) -> str:
        """Name of a new constant that holds `value`."""
        self._n_names += 1
        while (name := f"fastface_{self._n_names}") in self.constants:  # of a graph written before
            self._n_names += 1
        self.constants[name] = np.ascontiguousarray(value)
        return name

    def consumers(self, name: str) -> list[Any]:
        return [node for node in self.nodes if name in node.input]

    def rename(self, value: Any, name: str) -> None:
        """Call an input or output, one of `inputs` or `outputs`, by another name."""
        for node in self.nodes:
            node.input[:] = [name if i == value.name else i for i in node.input]
            node.output[:] = [name if o == value.name else o for o in node.output]
        value.name = name

    def is_output(self, name: str) -> bool:
        return any(value.name == name for value in self.outputs)


def attributes(node: Any) -> dict[str, Any]:
    """A node's attributes by name."""
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def read(content: bytes, *, also: str = "") -> Graph:
    """Parse a model file; only what the caller must feed stays an input (weights may be declared).

    also: a domain whose operators may be in it, beside ONNX's own.
    Raises ModelError if `content` is not an ONNX model, keeps weights outside itself (a session
    made from such bytes would read files under the working directory), or is written in operators
    that are not ONNX's own or of a version that cannot be run.
    """
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise ModelError("the model file is not an ONNX model") from error
    graph = model.graph
    if not graph.node:
        raise ModelError("the model file is not an ONNX model")
    external = [i.name for i in graph.initializer if i.external_data]
    if external or any(a.HasField("g") or a.graphs for n in graph.node for a in n.attribute):
        raise ModelError("models with external data or nested graphs are not accepted")
    opset = _operator_set(model, ("", "ai.onnx", also))
    constants = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    used = {name for node in graph.node for name in node.input}
    inputs = [i for i in graph.input if i.name in used and i.name not in constants]
    return Graph(list(graph.node), constants, inputs, list(graph.output), opset)


def _operator_set(model: Any, domains: Sequence[str]) -> int:
    """The version of ONNX's operators that a model is written in, of domains that are accepted."""
    own, nodes = ("", "ai.onnx"), model.graph.node
    foreign = sorted({f"{n.domain}.{n.op_type}" for n in nodes if n.domain not in domains})
    if foreign:
        raise ModelError(f"the model needs operators that are not ONNX's own: {', '.join(foreign)}")
    version = next((int(opset.version) for opset in model.opset_import if opset.domain in own), 1)
    if version not in _READABLE_OPSETS:
        raise ModelError(
            f"the model is written in ONNX operator set {version}; "
            f"{_READABLE_OPSETS[0]} to {_READABLE_OPSETS[-1]} can be read: export it again"
        )
    return version


def write(graph: Graph, metadata: Mapping[str, str] | None = None) -> bytes:
    """Serialise the graph with the constants that are still used; the same bytes every time.

    metadata: kept in the model's properties, beside the graph.
    Raises ModelError if the nodes do not fit together, or an operator is not one of the graph's
    operator set.
    """
    import onnx
    from onnx import helper, numpy_helper

    used = {name for node in graph.nodes for name in node.input}
    constants = [numpy_helper.from_array(v, k) for k, v in graph.constants.items() if k in used]
    foreign = sorted({node.domain for node in graph.nodes if node.domain})
    opsets = [helper.make_opsetid("", graph.opset), *(helper.make_opsetid(d, 1) for d in foreign)]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "fastface", graph.inputs, graph.outputs, constants),
        opset_imports=opsets,
        ir_version=_IR_VERSION,
        producer_name="fastface",
    )
    helper.set_model_props(model, dict(metadata or {}))
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelError(f"the model does not fit together: {reason}") from error
    content: bytes = model.SerializeToString(deterministic=True)
    return content
