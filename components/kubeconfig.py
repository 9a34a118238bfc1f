"""How programs reach an EKS cluster: a kubeconfig without a credential in it."""

import pulumi


def kubeconfig(
    name: pulumi.Input[str], endpoint: pulumi.Input[str], certificate_authority: pulumi.Input[str], region: str
) -> pulumi.Output[str]:
    """A kubeconfig as JSON, for the kubernetes provider. Not secret.

    It names the AWS CLI, which turns whatever credentials the caller has into a token of 15 minutes. The caller must
    have an access entry: deploy in a session of the platform team's role.
    certificate_authority: base64, as EKS gives it.
    """
    return pulumi.Output.json_dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "eks",
                    "cluster": {"server": endpoint, "certificate-authority-data": certificate_authority},
                }
            ],
            "users": [
                {
                    "name": "eks",
                    "user": {
                        "exec": {
                            "apiVersion": "client.authentication.k8s.io/v1",
                            "command": "aws",
                            "args": ["eks", "get-token", "--cluster-name", name, "--region", region],
                            "interactiveMode": "Never",
                        }
                    },
                }
            ],
            "contexts": [{"name": "eks", "context": {"cluster": "eks", "user": "eks"}}],
            "current-context": "eks",
        }
    )
