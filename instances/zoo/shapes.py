"""The output size of a sliding window."""

from __future__ import annotations

from splitfog.instances.model import Window


def window_output(height: int, width: int, window: Window) -> tuple[int, int]:
    """Rows and columns that a window yields on a map of `height` x `width` (ONNX's formula).

    With `ceil` a last window that would start behind the input and the padding before it is left
    out. A size below 1 means that the window does not fit.
    """
    top, left, bottom, right = window.padding
    return (
        _axis_output(height, window, 0, top, bottom),
        _axis_output(width, window, 1, left, right),
    )


def _axis_output(size: int, window: Window, axis: int, before: int, after: int) -> int:
    stride = window.stride[axis]
    room = size + before + after - (window.kernel[axis] - 1) * window.dilation[axis] - 1
    if room < 0:
        return 0
    if not window.ceil:
        return room // stride + 1
    windows = -(-room // stride) + 1
    return windows - 1 if (windows - 1) * stride >= size + before else windows
