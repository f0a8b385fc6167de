"""Names that a shell completes on the command line, and the script by which it asks for them."""
