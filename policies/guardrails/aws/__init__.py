"""Views of AWS resources: IAM documents, buckets with what belongs to them, zones of subnets."""
