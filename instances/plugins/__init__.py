"""What rooms and other distributions declare, and how it is found."""
