"""The page of a comparison: one file that needs no other and asks no network for anything."""
