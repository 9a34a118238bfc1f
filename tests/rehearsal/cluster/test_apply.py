"""Applying a program to a real API server: what is done, what is left alone, what is refused, and going on after it."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster.apply import apply
from rehearsal.cluster.changes import ApplyError, Changes
from rehearsal.cluster.client import Client
from rehearsal.cluster.prune import destroy
from rehearsal.cluster.state import State, open_state
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource, Secret
from rehearsal.errors import RehearsalError
from rehearsal.progress import QuietProgress

pytestmark = pytest.mark.cluster

MakeResource = Callable[..., Resource]
MakeProgram = Callable[..., Evaluation]
CANARY = "canary-9b0e77"


class Stack:
    """One stack that is brought `up` again and again, each time with another program."""

    def __init__(self, client: Client, state: State, namespace: str, program: MakeProgram) -> None:
        self.client, self.state, self.namespace, self._program = client, state, namespace, program

    def up(self, *resources: Resource) -> Changes:
        return apply(self._program(*resources), self.client, self.state, QuietProgress())

    def refused(self, *resources: Resource) -> ApplyError:
        with pytest.raises(ApplyError) as raised:
            self.up(*resources)
        return raised.value

    def live(self, kind: str, name: str, api_version: str = "v1") -> dict[str, Any]:
        found = self.client.get(api_version, kind, name, self.namespace)
        assert found is not None, f"{kind} {name} is not there"
        return found

    def gone(self, kind: str, name: str, api_version: str = "v1") -> bool:
        return self.client.get(api_version, kind, name, self.namespace) is None

    def by_hand(self, kind: str, name: str) -> None:
        """Creates an object past the program."""
        metadata = {"name": name, "namespace": self.namespace}
        self.client.create({"apiVersion": "v1", "kind": kind, "metadata": metadata})

    def entry(self, name: str) -> str:
        """An object of this stack as changes name it."""
        kind, _, rest = name.partition(" ")
        return f"{kind} {self.namespace}/{rest}"


@pytest.fixture
def stack(client: Client, state: State, namespace: str, program: MakeProgram) -> Stack:
    return Stack(client, state, namespace, program)


@pytest.fixture
def config(kubernetes: MakeResource, namespace: str) -> MakeResource:
    """A ConfigMap of the test's namespace: `config("name", key="value", protect=True)`."""
    options = {"protect", "retain_on_delete", "dependencies", "aliases", "logical"}

    def make(name: str, **given: Any) -> Resource:
        data = {key: value for key, value in given.items() if key not in options}
        rest = {key: value for key, value in given.items() if key in options}
        return kubernetes("ConfigMap", name, {"data": data}, namespace=namespace, **rest)

    return make


@pytest.fixture
def deployment(kubernetes: MakeResource, namespace: str) -> MakeResource:
    def make(name: str, *, app: str = "web", replicas: int | None = None, **options: Any) -> Resource:
        spec: dict[str, Any] = {
            "selector": {"matchLabels": {"app": app}},
            "template": {
                "metadata": {"labels": {"app": app}},
                # No node has this label: the pods stay pending and disturb no other test.
                "spec": {"nodeSelector": {"cl": "nowhere"}, "containers": [{"name": "main", "image": "odoo:19"}]},
            },
        }
        if replicas is not None:
            spec["replicas"] = replicas
        return kubernetes("Deployment", name, {"spec": spec}, api_version="apps/v1", namespace=namespace, **options)

    return make


def test_applying_twice_changes_nothing_the_second_time(
    stack: Stack, config: MakeResource, deployment: MakeResource
) -> None:
    resources = [config("settings", a="1"), deployment("web", replicas=2)]
    assert sorted(stack.up(*resources).created) == [stack.entry("ConfigMap settings"), stack.entry("Deployment web")]
    before = stack.live("ConfigMap", "settings")["metadata"]
    again = stack.up(*resources)
    assert sorted(again.unchanged) == [stack.entry("ConfigMap settings"), stack.entry("Deployment web")]
    assert stack.live("ConfigMap", "settings")["metadata"] == before


def test_only_what_the_program_changed_is_changed(stack: Stack, config: MakeResource) -> None:
    stack.up(config("one", a="1"), config("two", a="1"))
    changes = stack.up(config("one", a="2"), config("two", a="1"))
    assert changes.changed == [stack.entry("ConfigMap one")]
    assert changes.unchanged == [stack.entry("ConfigMap two")]
    assert stack.live("ConfigMap", "one")["data"] == {"a": "2"}


def test_a_field_that_left_the_program_leaves_the_object(stack: Stack, config: MakeResource) -> None:
    stack.up(config("one", a="1", b="1"))
    stack.up(config("one", a="1"))
    assert stack.live("ConfigMap", "one")["data"] == {"a": "1"}


def test_what_was_changed_by_hand_is_put_right(stack: Stack, config: MakeResource) -> None:
    stack.up(config("one", a="1"))
    stack.client.patch("v1", "ConfigMap", "one", {"data": {"a": "by hand"}}, stack.namespace)
    assert stack.up(config("one", a="1")).restored == [stack.entry("ConfigMap one")]
    assert stack.live("ConfigMap", "one")["data"] == {"a": "1"}


def test_a_field_another_took_over_with_server_side_apply_is_taken_back(stack: Stack, config: MakeResource) -> None:
    stack.up(config("one", a="1"))
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": stack.namespace}}
    stack.client.apply({**manifest, "data": {"a": "2", "b": "theirs"}}, field_manager="somebody")
    stack.up(config("one", a="1"))
    assert stack.live("ConfigMap", "one")["data"] == {"a": "1", "b": "theirs"}


def test_what_was_deleted_by_hand_comes_back(stack: Stack, config: MakeResource) -> None:
    stack.up(config("one", a="1"))
    stack.client.delete("v1", "ConfigMap", "one", stack.namespace)
    assert stack.up(config("one", a="1")).created == [stack.entry("ConfigMap one")]


def test_replicas_an_autoscaler_owns_stay_as_it_set_them(stack: Stack, deployment: MakeResource) -> None:
    stack.up(deployment("web"))
    scale = {"spec": {"replicas": 4}}
    stack.client.patch("apps/v1", "Deployment", "web", scale, stack.namespace, subresource="scale")
    assert stack.up(deployment("web")).unchanged == [stack.entry("Deployment web")]
    assert stack.live("Deployment", "web", "apps/v1")["spec"]["replicas"] == 4


def test_replicas_the_program_sets_are_put_right(stack: Stack, deployment: MakeResource) -> None:
    stack.up(deployment("web", replicas=2))
    scale = {"spec": {"replicas": 4}}
    stack.client.patch("apps/v1", "Deployment", "web", scale, stack.namespace, subresource="scale")
    stack.up(deployment("web", replicas=2))
    assert stack.live("Deployment", "web", "apps/v1")["spec"]["replicas"] == 2


def test_an_object_without_a_namespace_goes_to_default(stack: Stack, kubernetes: MakeResource, namespace: str) -> None:
    settings = kubernetes("ConfigMap", namespace)
    stack.up(settings)
    assert stack.client.get("v1", "ConfigMap", namespace, "default")
    assert len(stack.up(settings).unchanged) == 1
    stack.up()
    assert stack.client.get("v1", "ConfigMap", namespace, "default") is None


# What an API server refuses to change in place: the first body, the second, and where they are.
ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role"}
POD = {"restartPolicy": "Never", "nodeSelector": {"cl": "nowhere"}}
IMMUTABLE: dict[str, tuple[Any, ...]] = {
    "job template": (
        "batch/v1",
        "Job",
        {"spec": {"template": {"spec": {**POD, "containers": [{"name": "c", "image": "odoo:18"}]}}}},
        {"spec": {"template": {"spec": {**POD, "containers": [{"name": "c", "image": "odoo:19"}]}}}},
    ),
    "stateful set claim templates": (
        "apps/v1",
        "StatefulSet",
        *(
            {
                "spec": {
                    "serviceName": service,
                    "replicas": 1,
                    "selector": {"matchLabels": {"app": "s"}},
                    "template": {
                        "metadata": {"labels": {"app": "s"}},
                        "spec": {"nodeSelector": {"cl": "nowhere"}, "containers": [{"name": "c", "image": "i"}]},
                    },
                }
            }
            for service in ("one", "two")
        ),
    ),
    "role of a binding": (
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        {"roleRef": {**ROLE, "name": "one"}, "subjects": []},
        {"roleRef": {**ROLE, "name": "two"}, "subjects": []},
    ),
    "address of a service": (
        "v1",
        "Service",
        {"spec": {"ports": [{"port": 80}], "selector": {"app": "a"}}},
        {"spec": {"ports": [{"port": 80}], "selector": {"app": "a"}, "clusterIP": "None"}},
    ),
    "type of a secret": ("v1", "Secret", {"type": "Opaque"}, {"type": "example.com/other"}),
    "frozen config": (
        "v1",
        "ConfigMap",
        {"immutable": True, "data": {"a": "1"}},
        {"immutable": True, "data": {"a": "2"}},
    ),
}


@pytest.mark.parametrize("case", IMMUTABLE)
def test_an_immutable_change_deletes_and_creates(stack: Stack, kubernetes: MakeResource, case: str) -> None:
    api_version, kind, first, second = IMMUTABLE[case]
    place = {"api_version": api_version, "namespace": stack.namespace}
    stack.up(kubernetes(kind, "thing", first, **place))
    before = stack.live(kind, "thing", api_version)["metadata"]["uid"]
    assert stack.up(kubernetes(kind, "thing", second, **place)).replaced == [stack.entry(f"{kind} thing")]
    assert stack.live(kind, "thing", api_version)["metadata"]["uid"] != before
    assert stack.up(kubernetes(kind, "thing", second, **place)).unchanged == [stack.entry(f"{kind} thing")]


@pytest.mark.parametrize("cluster_kind", ["PriorityClass", "StorageClass"])
def test_an_immutable_change_of_a_class_deletes_and_creates(
    stack: Stack, kubernetes: MakeResource, cluster_kind: str
) -> None:
    def classes(number: int) -> Resource:
        if cluster_kind == "PriorityClass":
            return kubernetes(cluster_kind, stack.namespace, {"value": number}, api_version="scheduling.k8s.io/v1")
        body = {"provisioner": "ebs.csi.aws.com", "parameters": {"iops": str(number)}}
        return kubernetes(cluster_kind, stack.namespace, body, api_version="storage.k8s.io/v1")

    stack.up(classes(3000))
    assert stack.up(classes(4000)).replaced == [f"{cluster_kind} {stack.namespace}"]
    assert stack.up().deleted == [f"{cluster_kind} {stack.namespace}"]


def test_a_change_that_is_merely_wrong_is_refused_and_replaces_nothing(stack: Stack, deployment: MakeResource) -> None:
    stack.up(deployment("web", replicas=1))
    uid = stack.live("Deployment", "web", "apps/v1")["metadata"]["uid"]
    error = stack.refused(deployment("web", replicas=-1))
    assert "must be greater than or equal to 0" in str(error)
    assert stack.live("Deployment", "web", "apps/v1")["metadata"]["uid"] == uid


def test_nothing_is_deleted_for_an_object_that_would_be_refused_as_well(stack: Stack, deployment: MakeResource) -> None:
    stack.up(deployment("web", app="one"))
    uid = stack.live("Deployment", "web", "apps/v1")["metadata"]["uid"]
    both_immutable_and_wrong = deployment("web", app="two", replicas=-1)
    assert "must be greater than or equal to 0" in str(stack.refused(both_immutable_and_wrong))
    assert stack.live("Deployment", "web", "apps/v1")["metadata"]["uid"] == uid


@pytest.mark.parametrize(("option", "said"), [("protect", "protected"), ("retain_on_delete", "retain_on_delete")])
def test_what_must_not_be_deleted_is_not_replaced(
    stack: Stack, deployment: MakeResource, option: str, said: str
) -> None:
    stack.up(deployment("web", app="one", **{option: True}))
    uid = stack.live("Deployment", "web", "apps/v1")["metadata"]["uid"]
    error = stack.refused(deployment("web", app="two", **{option: True}))
    assert said in str(error)
    assert "field is immutable" in str(error)
    assert stack.live("Deployment", "web", "apps/v1")["metadata"]["uid"] == uid


def test_a_change_of_name_creates_the_new_object_and_deletes_the_old(stack: Stack, config: MakeResource) -> None:
    stack.up(config("old", logical="settings"))
    assert stack.up(config("new", logical="settings")).replaced == [stack.entry("ConfigMap new")]
    assert stack.live("ConfigMap", "new")
    assert stack.gone("ConfigMap", "old")


def test_a_change_of_name_of_something_protected_is_refused(stack: Stack, config: MakeResource) -> None:
    stack.up(config("old", logical="settings", protect=True))
    assert "protected" in str(stack.refused(config("new", logical="settings", protect=True)))
    assert stack.live("ConfigMap", "old")
    assert stack.gone("ConfigMap", "new")


def test_refusals_do_not_stop_the_rest_are_told_together_and_are_made_up_for_the_next_time(
    stack: Stack, config: MakeResource, deployment: MakeResource
) -> None:
    bad, worse = deployment("bad", replicas=-1), deployment("worse", replicas=-2)
    needy = config("needy", dependencies=(bad.urn,))
    error = stack.refused(bad, worse, needy, config("fine"))
    message = str(error)
    assert stack.entry("Deployment bad") in message
    assert stack.entry("Deployment worse") in message
    assert f"not tried, as it needs {stack.entry('Deployment bad')}" in message
    assert error.changes.created == [stack.entry("ConfigMap fine")]
    assert stack.gone("ConfigMap", "needy")

    repaired = deployment("bad", replicas=1)
    changes = stack.up(repaired, deployment("worse", replicas=1), needy, config("fine"))
    assert len(changes.created) == 3
    assert changes.unchanged == [stack.entry("ConfigMap fine")]


def test_an_unknown_field_is_refused_by_its_name(stack: Stack, kubernetes: MakeResource) -> None:
    typo = kubernetes("ConfigMap", "typo", {"dta": {"a": "1"}}, namespace=stack.namespace)
    assert "dta" in str(stack.refused(typo))


def test_a_kind_the_cluster_has_not_is_refused_by_its_name(stack: Stack, kubernetes: MakeResource) -> None:
    till = kubernetes("Till", "till", api_version="retail.example/v1", namespace=stack.namespace)
    assert "serves no Till of retail.example/v1" in str(stack.refused(till))


def test_unknown_values_stop_it_before_anything_is_done(stack: Stack, config: MakeResource) -> None:
    with pytest.raises(RehearsalError, match=r"ConfigMap .*/bad: data\.host") as raised:
        stack.up(config("good", a="1"), config("bad", host=UNKNOWN), config("worse", port=Secret(UNKNOWN)))
    assert "worse: data.port" in str(raised.value)
    assert stack.gone("ConfigMap", "good")


def test_secrets_reach_the_cluster_and_nothing_else(
    stack: Stack, kubernetes: MakeResource, namespace: str, tmp_path: Path
) -> None:
    secret = kubernetes(
        "Secret", "admin", {"stringData": {"password": Secret(CANARY), "user": "admin"}}, namespace=namespace
    )
    assert stack.up(secret).created
    data = stack.live("Secret", "admin")["data"]
    assert {key: base64.b64decode(value).decode() for key, value in data.items()} == {
        "password": CANARY,
        "user": "admin",
    }
    assert stack.up(secret).unchanged
    for file in tmp_path.rglob("*.json"):
        assert CANARY not in file.read_text()


def test_a_key_that_left_a_secret_is_gone(stack: Stack, kubernetes: MakeResource, namespace: str) -> None:
    stack.up(kubernetes("Secret", "admin", {"stringData": {"a": Secret("1"), "b": "2"}}, namespace=namespace))
    stack.up(kubernetes("Secret", "admin", {"stringData": {"a": Secret("1")}}, namespace=namespace))
    assert stack.live("Secret", "admin")["data"].keys() == {"a"}


def test_a_refusal_does_not_quote_a_secret(stack: Stack, kubernetes: MakeResource, namespace: str) -> None:
    spec = {"type": "ExternalName", "externalName": Secret(f"{CANARY}_not_a_host")}
    error = stack.refused(kubernetes("Service", "partner", {"spec": spec}, namespace=namespace))
    assert CANARY not in str(error)
    assert "[secret]" in str(error)


def test_what_left_the_program_is_pruned_namespaces_last(
    stack: Stack, kubernetes: MakeResource, config: MakeResource
) -> None:
    name = f"{stack.namespace}-b"
    inside = kubernetes("ConfigMap", "inside", namespace=name)
    stack.up(kubernetes("Namespace", name), inside, config("stays"))
    changes = stack.up(config("stays"))
    assert changes.deleted == [f"ConfigMap {name}/inside", f"Namespace {name}"]
    assert stack.client.get("v1", "Namespace", name) is None
    assert stack.live("ConfigMap", "stays")
    assert stack.up(config("stays")).deleted == []


def test_protected_objects_stay_until_they_are_unprotected(stack: Stack, config: MakeResource) -> None:
    stack.up(config("precious", protect=True), config("common"))
    error = stack.refused()
    assert "protected" in str(error)
    assert error.changes.deleted == [stack.entry("ConfigMap common")]
    assert stack.live("ConfigMap", "precious")
    stack.refused()
    stack.up(config("precious"))
    assert stack.up().deleted == [stack.entry("ConfigMap precious")]


def test_a_protected_resource_of_aws_may_not_leave_either(stack: Stack, resource: MakeResource) -> None:
    bucket = resource("aws:s3/bucket:Bucket", "backups", protect=True)
    stack.up(bucket, resource("aws:s3/bucket:Bucket", "scratch"))
    assert "aws:s3/bucket:Bucket backups: protected" in str(stack.refused())
    stack.up(resource("aws:s3/bucket:Bucket", "backups"))
    stack.up()


def test_retained_objects_stay_and_are_no_longer_ours(stack: Stack, config: MakeResource) -> None:
    stack.up(config("legacy", retain_on_delete=True))
    changes = stack.up()
    assert changes.kept == [(stack.entry("ConfigMap legacy"), "retain_on_delete")]
    assert stack.live("ConfigMap", "legacy")
    assert stack.up().kept == []


def test_a_namespace_with_something_protected_in_it_is_refused(
    stack: Stack, kubernetes: MakeResource, client: Client
) -> None:
    name = f"{stack.namespace}-b"
    precious = kubernetes("ConfigMap", "precious", namespace=name, protect=True)
    stack.up(kubernetes("Namespace", name), precious)
    assert f"Namespace {name}: holds ConfigMap {name}/precious" in str(stack.refused())
    assert client.get("v1", "ConfigMap", "precious", name)
    destroy(client, stack.state, QuietProgress(), protected_too=True)


def test_a_namespace_with_something_retained_in_it_is_left_as_well(
    stack: Stack, kubernetes: MakeResource, client: Client
) -> None:
    name = f"{stack.namespace}-b"
    stack.up(kubernetes("Namespace", name), kubernetes("ConfigMap", "legacy", namespace=name, retain_on_delete=True))
    assert len(stack.up().kept) == 2
    stack.up()
    assert client.get("v1", "ConfigMap", "legacy", name)
    client.delete("v1", "Namespace", name)


def test_what_somebody_made_anew_is_not_pruned(stack: Stack, config: MakeResource) -> None:
    stack.up(config("one"))
    stack.client.delete("v1", "ConfigMap", "one", stack.namespace)
    stack.by_hand("ConfigMap", "one")
    changes = stack.up()
    assert [what for what, _ in changes.kept] == [stack.entry("ConfigMap one")]
    assert stack.live("ConfigMap", "one")


def test_a_resource_renamed_with_an_alias_is_the_same_resource(stack: Stack, config: MakeResource) -> None:
    before = config("settings", logical="before", protect=True)
    stack.up(before)
    after = config("settings", logical="after", protect=True, aliases=(before.urn,))
    assert stack.up(after).unchanged == [stack.entry("ConfigMap settings")]


def test_a_resource_renamed_without_an_alias_keeps_its_object_and_is_told(stack: Stack, config: MakeResource) -> None:
    stack.up(config("settings", logical="before"))
    changes = stack.up(config("settings", logical="after"))
    assert "without an alias" in changes.kept[0].reason
    assert stack.live("ConfigMap", "settings")


def test_an_object_of_another_stack_is_not_taken(
    stack: Stack, config: MakeResource, program: MakeProgram, tmp_path: Path
) -> None:
    stack.up(config("shared", a="1"))
    with open_state(tmp_path, "outlet", QuietProgress()) as other:
        theirs = Stack(stack.client, other, stack.namespace, program)
        assert "is an object of stack dev" in str(theirs.refused(config("shared", a="2")))
    assert stack.live("ConfigMap", "shared")["data"] == {"a": "1"}


def test_an_object_that_was_there_before_is_taken_over(stack: Stack, kubernetes: MakeResource, namespace: str) -> None:
    """As with the ServiceAccount `default`, which the cluster makes and a program may want otherwise."""
    stack.by_hand("ServiceAccount", "mine")
    body = {"automountServiceAccountToken": False}
    assert stack.up(kubernetes("ServiceAccount", "mine", body, namespace=namespace)).changed


class Interrupting(QuietProgress):
    """Ctrl-C after so many objects."""

    def __init__(self, after: int) -> None:
        self._after = after

    def show(self, detail: str, *, done: int | None = None, total: int | None = None) -> None:
        super().show(detail, done=done, total=total)
        if done == self._after:
            raise KeyboardInterrupt


def test_after_an_interruption_the_next_up_completes_and_nothing_is_lost(
    stack: Stack, config: MakeResource, program: MakeProgram, client: Client
) -> None:
    resources = [config(f"c{number}", a="1") for number in range(60)]
    with pytest.raises(KeyboardInterrupt):
        apply(program(*resources), client, stack.state, Interrupting(after=5))
    there = {item["metadata"]["name"] for item in client.list("v1", "ConfigMap", stack.namespace, fields="").items}
    recorded = {entry.name for entry in stack.state.entries.values()}
    assert 5 <= len(recorded) < 60
    assert recorded == there - {"kube-root-ca.crt"}
    changes = stack.up(*resources)
    assert len(changes.created) + len(changes.unchanged) == 60
    assert len(stack.up().deleted) == 60


def test_an_unreachable_cluster_ends_it_in_one_message(
    stack: Stack, config: MakeResource, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[object] = []

    def unreachable(*_: object, **__: object) -> None:
        calls.append(None)
        raise RehearsalError("the cluster is not reachable")

    monkeypatch.setattr(stack.client, "get", unreachable)
    with pytest.raises(RehearsalError) as raised:
        stack.up(*(config(f"c{number}") for number in range(100)))
    assert str(raised.value) == "the cluster is not reachable"
    assert len(calls) < 20  # what had begun, not each of them


def test_destroying_a_stack_leaves_the_others_alone(
    stack: Stack, config: MakeResource, client: Client, tmp_path: Path
) -> None:
    stack.by_hand("ConfigMap", "foreign")
    stack.up(config("one", protect=True), config("two", retain_on_delete=True), config("three"))
    with pytest.raises(ApplyError, match="protected"):
        destroy(client, stack.state, QuietProgress(), protected_too=False)
    assert stack.live("ConfigMap", "one")
    destroy(client, stack.state, QuietProgress(), protected_too=True)
    assert stack.gone("ConfigMap", "one")
    assert stack.live("ConfigMap", "foreign")
    assert not list(tmp_path.rglob("dev.json"))
