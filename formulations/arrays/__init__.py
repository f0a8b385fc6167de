"""One task or one instance as arrays: what algorithms start from."""
