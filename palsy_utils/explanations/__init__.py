"""Where a prediction comes from, and whether that is right."""
