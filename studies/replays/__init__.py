"""Replays: requests through a network that changes, request by request and event by event."""
