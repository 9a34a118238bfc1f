"""The rehearsal: the real program on an embedded Kubernetes, on the user's own machine."""
