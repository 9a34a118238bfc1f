"""The Secrets CloudNativePG generates for a Cluster, in its names and keys, with made-up values."""

from collections.abc import Iterator
from datetime import timedelta

from rehearsal.standins.cnpg_objects import described
from rehearsal.standins.generated import Generator, secret_data
from rehearsal.standins.tls import Authority
from rehearsal.standins.world import Object

_CERTIFICATE_LIFE = timedelta(days=90)


def secret_names(cluster: Object) -> Iterator[str]:
    """The suffixes of the Secrets the operator generates: those the Cluster does not bring itself."""
    spec = cluster["spec"]
    own = spec.get("certificates") or {}
    if "secret" not in bootstrap(cluster):
        yield "app"
    if spec.get("enableSuperuserAccess") and "superuserSecret" not in spec:
        yield "superuser"
    if "serverCASecret" not in own:
        yield "ca"
    if "serverTLSSecret" not in own:
        yield "server"
    if "replicationTLSSecret" not in own:
        yield "replication"


def bootstrap(cluster: Object) -> Object:
    """The part of the bootstrap that names the application's database, owner and Secret."""
    methods = cluster["spec"].get("bootstrap") or {}
    return dict(next((method for method in methods.values() if method), {}))


def secret(cluster: Object, suffix: str, generator: Generator, authority: Authority) -> Object:
    """One of `secret_names`, with made-up values."""
    name, namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
    values: dict[str, str]
    of_type = "kubernetes.io/tls"
    match suffix:
        case "app" | "superuser":
            of_type = "kubernetes.io/basic-auth"
            values = _credentials(cluster, suffix, generator)
        case "ca":
            of_type = "Opaque"
            values = {"ca.crt": authority.own.certificate, "ca.key": authority.own.key}
        case "server":
            hosts = [f"{name}-{service}" for service in ("rw", "r", "ro")]
            names = [f"{host}{domain}" for host in hosts for domain in ("", f".{namespace}", f".{namespace}.svc")]
            pair = authority.issue(hosts[0], names, _CERTIFICATE_LIFE)
            values = {"tls.crt": pair.certificate, "tls.key": pair.key}
        case _:
            pair = authority.issue("streaming_replica", [], _CERTIFICATE_LIFE, client=True)
            values = {"tls.crt": pair.certificate, "tls.key": pair.key}
    manifest = described(cluster, "v1", "Secret", f"{name}-{suffix}", None)
    return {**manifest, "type": of_type, "data": secret_data(values)}


def _credentials(cluster: Object, suffix: str, generator: Generator) -> dict[str, str]:
    database: str
    user: str
    name, namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
    password = generator.password("cnpg", cluster["metadata"]["uid"], suffix)
    database, user = "*", "postgres"
    if suffix == "app":
        database = bootstrap(cluster).get("database") or "app"
        user = bootstrap(cluster).get("owner") or database
    host = f"{name}-rw"
    path = "" if database == "*" else database
    return {
        "username": user,
        "user": user,
        "password": password,
        "dbname": database,
        "host": host,
        "port": "5432",
        "pgpass": f"{host}:5432:{database}:{user}:{password}\n",
        "uri": f"postgresql://{user}:{password}@{host}.{namespace}:5432/{path}",
        "jdbc-uri": f"jdbc:postgresql://{host}.{namespace}:5432/{path}?password={password}&user={user}",
    }
