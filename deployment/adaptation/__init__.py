"""Plans that follow the network: what is measured, what is believed of it, which plan to use."""
