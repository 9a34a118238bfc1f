"""The embedded control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK."""
