"""Circuits of any gates on the CPU in float32: the fast path of those that are not of the layered family."""
