"""The combined loss of Huang & Zhang 2023: every example of a batch both clean and attacked."""
