"""Steps that run other people's code, each in a process of its own.

``apart`` requests a process, ``server`` forks it, and ``child`` runs in it. A server has imported torch and the modules
of steps, and no code of other packages; it has one thread and has not used an accelerator, so forking it is safe.
"""
