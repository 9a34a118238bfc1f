import base64
from typing import Any

from rehearsal.standins import cnpg_secrets as secrets
from rehearsal.standins.generated import Generator
from rehearsal.standins.tls import Authority, expiry


def cluster(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "pg", "namespace": "shop", "uid": "uid"},
        "spec": {"instances": 3, "storage": {"size": "10Gi", "storageClass": "gp3"}, **spec},
    }


def test_only_secrets_the_cluster_does_not_bring_are_generated() -> None:
    assert list(secrets.secret_names(cluster())) == ["app", "ca", "server", "replication"]
    own = cluster(
        bootstrap={"initdb": {"database": "shop", "secret": {"name": "mine"}}},
        enableSuperuserAccess=True,
        certificates={"serverCASecret": "ca", "serverTLSSecret": "tls", "replicationTLSSecret": "r"},
    )
    assert list(secrets.secret_names(own)) == ["superuser"]


def test_the_application_secret() -> None:
    item = cluster(bootstrap={"initdb": {"database": "shop", "owner": "keeper"}})
    secret = secrets.secret(item, "app", Generator(b"seed"), Authority())
    values = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert (values["dbname"], values["username"], values["host"]) == ("shop", "keeper", "pg-rw")
    assert values["uri"] == f"postgresql://keeper:{values['password']}@pg-rw.shop:5432/shop"
    assert secret == secrets.secret(item, "app", Generator(b"seed"), Authority())
    other = secrets.secret(item, "app", Generator(b"other seed"), Authority())
    assert other["data"]["password"] != secret["data"]["password"]


def test_certificates_are_real() -> None:
    secret = secrets.secret(cluster(), "server", Generator(b""), Authority())
    start, end = expiry(base64.b64decode(secret["data"]["tls.crt"]))
    assert start < end
