"""Reading and writing files: regular files only, complete or not at all, with a checksum."""
