"""What signal: one typed artifact per diffing method."""
