"""The studies that come with splitfog, a file each."""
