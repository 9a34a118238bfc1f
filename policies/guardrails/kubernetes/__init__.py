"""Views of Kubernetes objects: workloads and their pods, who scales them, selectors, quantities, times."""
