"""Ways of adapting put to the same requests, and how far each is from hindsight."""
