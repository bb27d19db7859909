"""The doctor: builds every dataset and model of a suite, looks at real inputs, and names each fault with a remedy."""
