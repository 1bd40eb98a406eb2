"""A network's inner maps as outputs of their own, for whoever learns from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastface.errors import ModelError


def expose_stages(content: bytes, sides: Sequence[int]) -> bytes:
    """The network with the last map of each side as an output `stage_SIDE`, (n, side, side, c).

    Raises ModelError if it has no map of such a side.
    """
    import onnx

    model = onnx.shape_inference.infer_shapes(onnx.load_model_from_string(content))
    last: dict[int, Any] = {}
    for value in model.graph.value_info:  # in the order of the nodes
        axes = [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        if len(axes) == 4 and axes[2] == axes[3]:
            last[axes[2]] = value
    missing = [side for side in sides if side not in last]
    if missing:
        raise ModelError(f"the network has no map of side {missing[0]}")
    for side in sides:
        name = f"stage_{side}"
        node = onnx.helper.make_node("Transpose", [last[side].name], [name], perm=[0, 2, 3, 1])
        model.graph.node.append(node)
        channels = last[side].type.tensor_type.shape.dim[1].dim_value
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(
                name, onnx.TensorProto.FLOAT, ["batch", side, side, channels]
            )
        )
    return bytes(model.SerializeToString())
