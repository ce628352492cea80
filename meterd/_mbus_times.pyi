"""M-Bus dates and times; for the other compiled modules alone."""
