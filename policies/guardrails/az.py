"""Rules on zones."""
