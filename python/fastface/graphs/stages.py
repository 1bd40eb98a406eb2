"""A network's inner maps as outputs of their own, for whoever learns from them."""

from __future__ import annotations

from collections.abc import Sequence

from fastface.errors import ModelError
from fastface.graphs.graph import read, write
from fastface.graphs.mobile import fix_shapes, shapes_of


def expose_stages(content: bytes, sides: Sequence[int]) -> bytes:
    """The network with the last map of each side as an output `stage_SIDE`, (n, side, side, c).

    Raises ModelError if it has no map of such a side.
    """
    from onnx import TensorProto, helper

    graph, fixed = read(content), read(content)
    (image,) = fixed.inputs
    fix_shapes(fixed, [axis.dim_value or 1 for axis in image.type.tensor_type.shape.dim])
    shapes = shapes_of(fixed)
    last: dict[int, str] = {}
    for node in graph.nodes:
        for name in node.output:
            shape = shapes[name]
            if len(shape) == 4 and shape[2] == shape[3] and not graph.is_output(name):
                last[shape[2]] = name
    missing = [side for side in sides if side not in last]
    if missing:
        raise ModelError(f"the network has no map of side {missing[0]}")
    for side in sides:
        name = f"stage_{side}"
        axes: list[str | int | None] = ["batch", side, side, shapes[last[side]][1]]
        graph.nodes.append(helper.make_node("Transpose", [last[side]], [name], perm=[0, 2, 3, 1]))
        graph.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, axes))
    return write(graph)
