"""Who is in a cohort, and what is labelled."""
