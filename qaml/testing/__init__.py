"""Conformance checks for the authors of parts: the properties that the rest of qaml relies on.

Each raises an ``AssertionError`` that says what was expected::

    from qaml.testing.models import check_model
    from qaml.testing.material import IMAGES

    def test_my_model():
        check_model(MyModel(hidden=8, training=Training(epochs=4, batch=16)), IMAGES)

and so ``check_attack``, ``check_sampler``, ``check_dataset``, ``check_defence`` and ``check_metric``. Give parts small
settings: a check trains, attacks or samples several times.
"""
