"""The lab: the lecture's network, its training, its compression, and how each is measured.

An optional extra, `pip install 'fastface-people[lab]'`, which brings PyTorch; nothing outside this
package imports it. Each module can be read alone: `network` (rows -> modules), `counting` (MACs and
parameters), `crops` and `teachers` (what is learnt from), `losses`, `train`, `evaluate`, `measure`,
`compress`, `pareto`.
"""
