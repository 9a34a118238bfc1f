"""When somebody is called about a retailer, and what he does then: Prometheus rules, one file to an area."""
