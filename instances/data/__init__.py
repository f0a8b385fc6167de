"""Bundled instance files; read them with `splitfog.instances.bundled`."""
