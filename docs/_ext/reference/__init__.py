"""The generated pages of ``docs/reference``: from the parts' fields, the findings, the commands and the options."""
