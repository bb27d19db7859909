"""A linear classifier: the simplest control, with closed-form robustness."""
