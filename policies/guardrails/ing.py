"""Rules on ingress."""
