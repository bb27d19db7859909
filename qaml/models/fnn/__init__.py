"""The fully connected network of Huang & Zhang 2023."""
