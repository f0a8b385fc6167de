"""What an answer is and what it costs; no solver library is imported here."""
