#!/usr/bin/env python3
"""Records what the network of yunet-s.bin gives, as computed by ONNX Runtime: reference.json,
which the tests of the network in Rust compare themselves with.

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0
    venv/bin/python functions/weights/record_reference.py

The network is put together here by itself, as an ONNX graph of standard operators. The pictures
are drawn by `picture()`, which the tests in Rust do in the same way.
"""

import json
import pathlib

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = pathlib.Path(__file__).parent
SIZES = [(64, 64), (96, 32), (40, 70), (160, 128)]
UNITS = [(16, 16), (16, 16), (16, 32), (32, 32), (32, 64)] + [(64, 64)] * 9
HEAD = 8
USED = 6


def picture(width, height):
    """A face drawn with ellipses before waves of colour; whole numbers only."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    value = (x * 3 + y * 5 + c * 40) % 96 + 60

    def ellipse(left, top, a, b):
        """Where (x - left)² / a² + (y - top)² / b² <= 1."""
        return ((x - left) * b) ** 2 + ((y - top) * a) ** 2 <= (a * b) ** 2

    h, v = width // 16, height // 16
    skin = 210 - 40 * c
    value = np.where(ellipse(8 * h, 8 * v, 4 * h, 6 * v), skin, value)
    value = np.where(ellipse(6 * h, 6 * v, h, v), 40, value)
    value = np.where(ellipse(10 * h, 6 * v, h, v), 40, value)
    value = np.where(ellipse(8 * h, 11 * v, 2 * h, v), 90, value)
    return value.astype(np.uint8)


class Graph:
    def __init__(self, numbers):
        self.numbers = numbers
        self.nodes, self.weights = [], []

    def take(self, *shape):
        count = int(np.prod(shape))
        taken, self.numbers = self.numbers[:count], self.numbers[count:]
        return taken.reshape(shape)

    def node(self, operator, inputs, **attributes):
        output = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def convolution(self, source, weights, bias, **attributes):
        names = []
        for array in (weights, bias):
            names.append(f"weights_{len(self.weights)}")
            array = np.ascontiguousarray(array)
            self.weights.append(numpy_helper.from_array(array, names[-1]))
        return self.node("Conv", [source, *names], **attributes)

    def parameters(self, inputs, outputs):
        pointwise = self.take(inputs, outputs).T.reshape(outputs, inputs, 1, 1)
        bias = self.take(outputs)
        depthwise = self.take(9, outputs).T.reshape(outputs, 1, 3, 3)
        return pointwise, bias, depthwise, self.take(outputs)

    def unit(self, source, parameters, relu=True):
        pointwise, bias, depthwise, second_bias = parameters
        row = self.convolution(source, pointwise, bias)
        group = len(second_bias)
        row = self.convolution(row, depthwise, second_bias, pads=[1] * 4, group=group)
        return self.node("Relu", [row]) if relu else row

    def pool(self, source):
        return self.node("MaxPool", [source], kernel_shape=[2, 2], strides=[2, 2])

    def enlarged(self, source):
        scales = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), f"scales_{len(self.nodes)}")
        self.weights.append(scales)
        return self.node("Resize", [source, "", scales.name], mode="nearest",
                         coordinate_transformation_mode="asymmetric", nearest_mode="floor")


def network(numbers):
    graph = Graph(numbers)
    first = graph.take(3, 3, 3, 16).transpose(3, 2, 0, 1)
    row = graph.convolution("picture", first, graph.take(16), strides=[2, 2], pads=[1] * 4)
    row = graph.node("Relu", [row])
    units = [graph.parameters(*channels) for channels in UNITS]
    heads = [graph.parameters(64, HEAD) for _ in range(3)]
    assert len(graph.numbers) == 0

    row = graph.pool(graph.unit(row, units[0]))
    for unit in units[1:5]:
        row = graph.unit(row, unit)
    levels = []
    for n in (5, 7, 9):
        row = graph.unit(graph.unit(graph.pool(row), units[n]), units[n + 1])
        levels.append(row)
    above = None
    for level in (2, 1, 0):
        row = levels[level]
        if above:
            row = graph.node("Add", [row, graph.enlarged(above)])
        above = levels[level] = graph.unit(row, units[11 + level])
    outputs = [graph.unit(row, head, relu=False) for row, head in zip(levels, heads)]

    made = helper.make_graph(
        graph.nodes, "yunet-s",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, 3, None, None])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        graph.weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def main():
    session = network(np.fromfile(FOLDER / "yunet-s.bin", "<f4"))
    recorded = []
    for width, height in SIZES:
        pixels = picture(width, height).astype(np.float32)
        padded = np.pad(pixels, [(0, -height % 32), (0, -width % 32), (0, 0)])
        levels = session.run(None, {"picture": padded.transpose(2, 0, 1)[None]})
        rows = [[float(f"{n:.7g}") for n in cell[:USED]]
                for level in levels for cell in level[0].transpose(1, 2, 0).reshape(-1, HEAD)]
        recorded.append({"width": width, "height": height, "cells": rows})
        best = max(1 / (1 + np.exp(-np.array(rows)[:, 0])))
        print(f"{width} × {height}: {len(rows)} cells, best class {best:.3f}")
    text = ",\n".join(json.dumps(one) for one in recorded)
    (FOLDER / "reference.json").write_text(f"[\n{text}\n]\n")


if __name__ == "__main__":
    main()
