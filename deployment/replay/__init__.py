"""Requests replayed while figures change with time: what they take, and how adapting fares."""
