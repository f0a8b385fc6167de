"""Jobs in, table out: what a store holds, what must run, and what rows say of each other."""
