"""What Prometheus reads: `counters`, what this process did; `sockets`, who is connected to it; `database`, the whole.

The rooms know nothing of Prometheus: they count plain numbers, send signals (`signals.py` in tasks and notifications)
and answer questions (`figures.py` in each).
"""
