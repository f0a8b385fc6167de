"""Options of a request to a language model: of families of instances, and of foreign formats."""

from __future__ import annotations

from splitfog.instances.plugins.option import Option

REQUEST = {
    "prompt": Option(512, "tokens of the prompt", "whole", low=1, high=1e9),
    "new_tokens": Option(128, "tokens that are made", "whole", low=1, high=1e9),
    "batch": Option(1, "sequences at once", "whole", low=1, high=1e6),
    "context": Option(
        None, "tokens that the key-value cache has room for; none: prompt and new ones", "whole",
        low=1, high=1e9, optional=True,
    ),
    "kv_bits": Option(16, "bits of a value of the key-value cache", "number", low=0.01, high=64),
    "token": Option(
        "source", "from where the first node takes a new token: the source, or the last node",
        "choice", choices=("source", "last"),
    ),
}  # fmt: skip
"""What is asked, and how much is kept and sent for it."""

REACHED = {
    "speed_share": Option(
        0.5, "of the data sheet's FLOP/s, what is reached (nominal)", "number", low=1e-6, high=1
    ),
    "traffic_share": Option(
        0.8, "of the memory's bandwidth, what is reached (nominal)", "number", low=1e-6, high=1
    ),
}
"""How much of a machine's speeds a runtime reaches."""
