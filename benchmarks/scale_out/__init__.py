"""A whole installation under load: real processes, each counted, and what must hold afterwards.

`plan` says who watches and runs what, `load` and `sockets` are processes that do so, `rounds` drives and measures,
`checks` says what must hold. `python -m benchmarks.scale_out` measures and writes.
"""
