"""Models behind transforms of their own, so that attacks act on what comes before these."""
