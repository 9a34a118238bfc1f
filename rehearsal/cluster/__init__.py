"""The program's Kubernetes objects in a cluster: applied, kept, pruned, and waited for."""
