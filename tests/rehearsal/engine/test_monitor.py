"""The monitor, as small programs meet it."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import UNKNOWN, Evaluation, Secret, contains, reveal
from rehearsal.errors import RehearsalError

WriteProject = Callable[..., Path]

PLATFORM = """
import pulumi, pulumi_aws as aws, pulumi_kubernetes as k8s, pulumi_random as random

provider = aws.Provider(
    "main", region="eu-central-1", allowed_account_ids=["111122223333"], default_tags={"tags": {"owner": "team"}}
)
in_aws = pulumi.ResourceOptions(provider=provider)

class Store(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("retail:storage:Store", name, {"copies": 2}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.bucket = aws.s3.Bucket(f"{name}-data", tags={"tier": "web"}, opts=child)
        self.versioning = aws.s3.BucketVersioning(
            f"{name}-versioning", bucket=self.bucket.id, versioning_configuration={"status": "Enabled"},
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True, ignore_changes=["mfa"],
                                        aliases=[pulumi.Alias(name="old")], depends_on=[self.bucket]),
        )
        self.register_outputs({"bucket": self.bucket.bucket})

store = Store("store", pulumi.ResourceOptions(providers=[provider]))
password = random.RandomPassword("password", length=20)
cluster = k8s.Provider("cluster", kubeconfig=store.bucket.arn)
in_cluster = pulumi.ResourceOptions(provider=cluster)
settings = {"arn": store.bucket.arn, "n": "1"}
k8s.core.v1.ConfigMap("settings", metadata={"name": "settings"}, data=settings, opts=in_cluster)
k8s.core.v1.Secret("login", metadata={"name": "login"}, string_data={"password": password.result}, opts=in_cluster)
known = pulumi.ResourceOptions(provider=k8s.Provider("known", kubeconfig="{}"))
in_shop = {"name": "web", "namespace": "shop"}
k8s.core.v1.Service("web", metadata=in_shop, spec={"type": "LoadBalancer"}, opts=known)
pulumi.export("arn", store.bucket.arn)
pulumi.export("password", password.result)
pulumi.export("account", aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=provider)).account_id)
pulumi.export("zones", aws.get_availability_zones_output(opts=pulumi.InvokeOptions(provider=provider)).names)
pulumi.export("policy", aws.iam.get_policy_document_output(statements=[
    {"actions": ["s3:GetObject"], "resources": [store.bucket.arn], "principals": [{"type": "*", "identifiers": ["*"]}]}
], opts=pulumi.InvokeOutputOptions(provider=provider)).json)
"""

STORE = "urn:pulumi:dev::demo::retail:storage:Store::store"
BUCKET = "urn:pulumi:dev::demo::retail:storage:Store$aws:s3/bucket:Bucket::store-data"
VERSIONING = "urn:pulumi:dev::demo::retail:storage:Store$aws:s3/bucketVersioning:BucketVersioning::store-versioning"
AWS = "urn:pulumi:dev::demo::pulumi:providers:aws::main"
SETTINGS = "urn:pulumi:dev::demo::kubernetes:core/v1:ConfigMap::settings"
LOGIN = "urn:pulumi:dev::demo::kubernetes:core/v1:Secret::login"
SERVICE = "urn:pulumi:dev::demo::kubernetes:core/v1:Service::web"


@pytest.fixture
def run(write_project: WriteProject) -> Callable[..., Evaluation]:
    def run(program: str, *, preview: bool = False, config: str = "", **more: Any) -> Evaluation:
        return evaluate(write_project(program, stacks={"dev": config}), "dev", preview=preview, **more)

    return run


def refusal(run: Callable[..., Evaluation], program: str, **more: object) -> str:
    with pytest.raises(RehearsalError) as caught:
        run(program, **more)
    assert caught.value.exit_code == 1
    return str(caught.value)


def test_resources_keep_their_place_and_their_options(run: Callable[..., Evaluation]) -> None:
    resources = run(PLATFORM).resources

    assert next(iter(resources)) == "urn:pulumi:dev::demo::pulumi:pulumi:Stack::demo-dev"
    assert resources[STORE].parent == "urn:pulumi:dev::demo::pulumi:pulumi:Stack::demo-dev"
    assert (resources[STORE].custom, resources[STORE].inputs) == (False, {"copies": 2})
    versioning = resources[VERSIONING]
    assert versioning.parent == STORE
    assert versioning.provider == AWS
    assert versioning.protect
    assert versioning.retain_on_delete
    assert versioning.ignore_changes == ("mfa",)
    assert versioning.dependencies == (BUCKET,)
    assert versioning.property_dependencies["bucket"] == (BUCKET,)
    assert VERSIONING.replace("store-versioning", "old") in versioning.aliases
    assert not resources[BUCKET].protect


def test_up_makes_everything_known(run: Callable[..., Evaluation]) -> None:
    evaluation = run(PLATFORM)

    bucket = evaluation.resources[BUCKET]
    assert bucket.id == bucket.outputs["bucket"]
    assert bucket.outputs["arn"] == f"arn:aws:s3:::{bucket.id}"
    assert bucket.outputs["tagsAll"] == {"owner": "team", "tier": "web"}
    assert evaluation.resources[STORE].outputs == {"bucket": bucket.id}
    assert evaluation.resources[SETTINGS].inputs["data"] == {"arn": bucket.outputs["arn"], "n": "1"}
    assert evaluation.resources[SERVICE].id == "shop/web"
    assert evaluation.resources[SERVICE].outputs["status"]["loadBalancer"]["ingress"][0]["hostname"]
    assert evaluation.outputs["account"] == "111122223333"
    assert evaluation.outputs["zones"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    assert bucket.outputs["arn"] in evaluation.outputs["policy"]
    assert not contains(evaluation.outputs, lambda value: value is UNKNOWN)


def test_a_preview_knows_only_what_was_given(run: Callable[..., Evaluation]) -> None:
    evaluation = run(PLATFORM, preview=True)

    bucket = evaluation.resources[BUCKET]
    assert bucket.id == ""
    assert bucket.outputs["arn"] is UNKNOWN
    assert bucket.outputs["tags"] == {"tier": "web"}
    assert evaluation.resources[VERSIONING].inputs["bucket"] is UNKNOWN
    assert evaluation.outputs["arn"] is UNKNOWN
    assert evaluation.outputs["policy"] is UNKNOWN
    assert evaluation.outputs["account"] == "111122223333"
    service = evaluation.resources[SERVICE]
    assert service.outputs["spec"] == {"type": "LoadBalancer"}
    assert service.outputs["metadata"] == {"name": "web", "namespace": "shop", "uid": UNKNOWN, "generation": UNKNOWN}


def test_a_provider_has_its_version_as_the_engine_writes_it(run: Callable[..., Evaluation]) -> None:
    assert run(PLATFORM).resources[AWS].inputs["version"] == version("pulumi-aws")


def test_a_provider_of_unknown_configuration_answers_nothing(run: Callable[..., Evaluation]) -> None:
    settings = run(PLATFORM, preview=True).resources[SETTINGS]

    assert settings.inputs["data"] == {"arn": UNKNOWN, "n": "1"}
    assert settings.outputs == {}


def test_secrets_stay_secret(run: Callable[..., Evaluation]) -> None:
    evaluation = run(PLATFORM)

    password = reveal(evaluation.outputs["password"])
    assert isinstance(evaluation.outputs["password"], Secret)
    assert len(password) == 20
    assert isinstance(evaluation.resources[LOGIN].inputs["stringData"], Secret)
    assert isinstance(evaluation.resources[LOGIN].outputs["stringData"], Secret)
    assert password not in repr(evaluation)


def test_an_output_that_quotes_a_secret_is_one(run: Callable[..., Evaluation]) -> None:
    evaluation = run(
        """
        import pulumi, pulumi_aws as aws
        aws.sns.Topic("t", name=pulumi.Output.secret("confidential"), tags={"k": pulumi.Output.secret("undisclosed")})
        """,
        config="aws:region: eu-central-1",
    )

    topic = evaluation.resources["urn:pulumi:dev::demo::aws:sns/topic:Topic::t"]
    assert isinstance(topic.outputs["arn"], Secret)
    assert isinstance(topic.outputs["tagsAll"], Secret)
    assert "confidential" not in repr(topic.outputs)
    assert "undisclosed" not in repr(topic.outputs)


def test_passwords_survive_when_the_last_outputs_are_handed_in(run: Callable[..., Evaluation]) -> None:
    first = run(PLATFORM)
    previous = {urn: resource.outputs for urn, resource in first.resources.items()}

    assert run(PLATFORM, previous_outputs=previous).outputs["password"] == first.outputs["password"]
    assert run(PLATFORM).outputs["password"] != first.outputs["password"]


def test_two_resources_of_one_name_are_refused_with_their_line(run: Callable[..., Evaluation]) -> None:
    message = refusal(
        run,
        """
        import pulumi_random as random
        random.RandomPet("a")
        random.RandomPet("a")
        random.RandomPet("b")
        random.RandomPet("b")
        """,
    )

    assert (
        "__main__.py:4: two resources have the URN urn:pulumi:dev::demo::random:index/randomPet:RandomPet::a" in message
    )
    assert (
        "__main__.py:6: two resources have the URN urn:pulumi:dev::demo::random:index/randomPet:RandomPet::b" in message
    )


def test_types_without_outputs_are_named_all_at_once(run: Callable[..., Evaluation]) -> None:
    program = """
    import pulumi_aws as aws
    aws.sqs.RedrivePolicy("r", queue_url="u", redrive_policy="{}")
    aws.autoscaling.Tag("t", autoscaling_group_name="g", tag={"key": "k", "value": "v", "propagateAtLaunch": True})
    """
    config = "aws:region: eu-central-1"

    message = refusal(run, program, config=config)

    assert "__main__.py:3: no outputs are known for resources of type aws:sqs/redrivePolicy:RedrivePolicy" in message
    assert "__main__.py:4: no outputs are known for resources of type aws:autoscaling/tag:Tag" in message
    assert run(program, preview=True, config=config)


def test_an_output_that_no_rule_supplies_is_never_none(run: Callable[..., Evaluation]) -> None:
    message = refusal(
        run,
        """
        import pulumi, pulumi_random as random
        password = random.RandomPassword("p", length=9)
        random.RandomPet("pet", prefix=pulumi.Output.concat("x-", password.bcrypt_hash))
        pulumi.export("hash", password.bcrypt_hash)
        """,
    )

    assert (
        "__main__.py:4: 'prefix' of 'pet' needs an output that is not known: of random:index/randomPassword" in message
    )
    assert "the stack output 'hash' is not known" in message


def test_disabled_default_providers_are_refused(run: Callable[..., Evaluation]) -> None:
    program = "import pulumi_aws as aws\naws.s3.Bucket('b')\n"
    config = "aws:region: eu-central-1\npulumi:disable-default-providers: [aws]"

    assert "the default provider of aws is disabled: 'b' must name one" in refusal(run, program, config=config)


def test_a_provider_without_a_region_is_refused(run: Callable[..., Evaluation]) -> None:
    assert "The default aws provider has no region" in refusal(run, "import pulumi_aws as aws\naws.s3.Bucket('b')\n")


def test_the_account_of_an_assumed_role_counts(run: Callable[..., Evaluation]) -> None:
    evaluation = run(
        """
        import pulumi, pulumi_aws as aws
        provider = aws.Provider("backup", region="eu-west-1", allowed_account_ids=["111122223333"],
            assume_roles=[aws.ProviderAssumeRoleArgs(role_arn="arn:aws:iam::444455556666:role/backup")])
        pulumi.export("arn", aws.sns.Topic("t", name="t", opts=pulumi.ResourceOptions(provider=provider)).arn)
        """
    )

    assert evaluation.outputs["arn"] == "arn:aws:sns:eu-west-1:444455556666:t"


def test_an_unknown_function_is_named(run: Callable[..., Evaluation]) -> None:
    program = "import pulumi_aws as aws\naws.get_ip_ranges(services=['ec2'])\n"

    assert "calls aws:index/getIpRanges:getIpRanges, which this engine has no answer for" in refusal(run, program)


def test_existing_resources_are_known_by_their_id(run: Callable[..., Evaluation]) -> None:
    evaluation = run(
        """
        import pulumi, pulumi_aws as aws
        zone = aws.route53.Zone.get("zone", "Z123")
        pulumi.export("id", zone.id)
        """,
        config="aws:region: eu-central-1",
    )

    assert evaluation.outputs["id"] == "Z123"


def test_resources_may_be_passed_as_values(run: Callable[..., Evaluation]) -> None:
    evaluation = run(
        """
        import pulumi, pulumi_random as random
        pet = random.RandomPet("pet")
        class Holder(pulumi.ComponentResource):
            def __init__(self):
                super().__init__("retail:x:Holder", "holder", {"pet": pet})
                self.register_outputs({"pet": pet})
        Holder()
        """
    )

    holder = evaluation.resources["urn:pulumi:dev::demo::retail:x:Holder::holder"]
    assert holder.inputs["pet"].urn == "urn:pulumi:dev::demo::random:index/randomPet:RandomPet::pet"


def test_transforms_are_refused_by_name(run: Callable[..., Evaluation]) -> None:
    program = "import pulumi\npulumi.runtime.register_resource_transform(lambda args: None)\n"

    assert "registers a resource transform, which this engine does not run" in refusal(run, program)


def test_warnings_are_kept_without_secrets(write_project: WriteProject) -> None:
    program = """
    import pulumi
    pulumi.log.warn("careful with " + pulumi.Config().require("key"))
    pulumi.log.info("not kept")
    """
    folder = write_project(program, schema="key: {type: string, secret: true}")

    assert evaluate(folder, "dev", preview=True, overrides={"key": "hunter2"}).warnings == ["careful with [secret]"]
