"""Steps that run other people's code, each in a process of its own.

``apart`` asks for one, ``server`` forks it, ``child`` is what happens in it. A server has imported torch and what steps
need, and never anybody else's code; it has one thread and has not touched an accelerator, so forking it is safe.
"""
