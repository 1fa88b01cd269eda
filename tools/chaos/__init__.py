"""`make chaos`: a whole installation at work while its parts are killed, frozen, cut off and flooded; then the count.

What it does, what it promises and how to read a failure: docs/chaos.md.
"""
