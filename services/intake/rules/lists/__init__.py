"""Lists as offices send them: what their columns mean, and what their rows say."""
