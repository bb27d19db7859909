"""An example of parts that live in a package of their own."""
