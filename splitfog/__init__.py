"""splitfog: split a neural network over devices, fog and cloud.

`__init__.pyi` says what there is; it is loaded when it is first used, so that `import splitfog`
costs nothing.
"""

from splitfog._lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
