"""How processes talk: checked frames over ZeroMQ, on links that keep a pace, with keys."""
