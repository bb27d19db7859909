"""Files, read and written with care: whole or not at all, regular ones only, with a checksum."""
