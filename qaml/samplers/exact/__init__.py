"""The negative phase by enumeration, for small machines."""
