"""Reusable ComponentResources: one public component with its Args to a file; `platform` and `retailer` compose them."""
