"""What rows say together: means with intervals, paired tests, profiles, integrals, exponents."""
