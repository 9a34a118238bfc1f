"""Edits that the rules on ingress must catch, and edits that they must not."""

from dataclasses import replace
from typing import Any

from guardrails.kinds import (
    CERTIFICATE,
    CLUSTER_ISSUER,
    DEPLOYMENT,
    EKS_CLUSTER,
    GATEWAY,
    HELM_RELEASE,
    INGRESS,
    INGRESS_ROUTE,
    INGRESS_ROUTE_TCP,
    LB,
    MIDDLEWARE,
    SCALED_OBJECT,
    SECURITY_GROUP_INGRESS_RULE,
    SERVICE,
    SUBNET,
    TLS_OPTION,
)
from tests.policies.edits import Edit, add, delete, drop, fine, forget, modify, only, put
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLUSTERS, OWNERS, SERVING, STACKS

BOTH = SERVING & OWNERS

TRAEFIK = f"{DEPLOYMENT}::edge-deployment"
EDGE_SERVICE = f"{SERVICE}::edge-service"
POD = "spec.template.spec"
ROUTE = "spec.routes[0]"
NLB = "service.beta.kubernetes.io/aws-load-balancer"
WEB = f"{DEPLOYMENT}::odoo-storefront"


def route(name: str) -> str:
    return f"{INGRESS_ROUTE}::={name}"


def middleware(name: str) -> str:
    return f"{MIDDLEWARE}::={name}"


def flag(name: str, value: str | None) -> Edit:
    """One flag of Traefik set, given anew, or taken away (None)."""

    def change(inputs: dict[str, Any]) -> None:
        container = inputs["spec"]["template"]["spec"]["containers"][0]
        kept = [word for word in container["args"] if word.partition("=")[0] != f"--{name}"]
        container["args"] = kept if value is None else [*kept, f"--{name}={value}"]

    return modify(f"--{name}={value}", TRAEFIK, change)


def balancer(annotation: str, value: str) -> Edit:
    return put(EDGE_SERVICE, f'metadata.annotations."{NLB}-{annotation}"', value)


def also(kind: str, inputs: dict[str, Any]) -> Edit:
    metadata = {"name": "other", "namespace": "elsewhere"}
    return add(kind, "other", {"metadata": metadata, **inputs})


def second_default() -> Edit:
    """Another option called default that the same edge takes up: they cancel each other."""

    def change(resources: Any) -> Any:
        found = next((each for each in resources.values() if each.type == TLS_OPTION), None)
        if found is None:
            return None
        return {**resources, f"{found.urn}-2": replace(found, urn=f"{found.urn}-2", name=f"{found.name}-2")}

    return Edit("a second default TLSOption", change)


TESTS = {
    "ing-01": RuleTests(
        on=OWNERS,
        violating=[
            put(TLS_OPTION, "spec.minVersion", "VersionTLS10"),
            put(TLS_OPTION, "spec.maxVersion", "VersionTLS11"),
            put(TLS_OPTION, "spec.sniStrict", False),
            put(TLS_OPTION, "spec.cipherSuites[0]", "TLS_RSA_WITH_AES_128_CBC_SHA"),
            put(TLS_OPTION, "metadata.name", "modern"),
            put(TLS_OPTION, 'metadata.labels."retail/edge"', "another"),
            delete(TLS_OPTION),
            second_default(),
            flag("core.stricttlsoptions", "false"),
            flag("entrypoints.web.http.redirections.entrypoint.to", None),
            flag("entrypoints.web.http.redirections.entrypoint.scheme", "http"),
            flag("entrypoints.websecure.http.tls", "false"),
            only(SERVING, put(route("storefront"), "spec.tls.options", {"name": "legacy"})),
        ],
        absent=[
            drop(TLS_OPTION, "spec.minVersion"),
            drop(TLS_OPTION, "spec.sniStrict"),
            fine(drop(TLS_OPTION, "spec.cipherSuites")),
            only({"training"}, drop(route("storefront"), "spec.tls")),
        ],
        unknown=[
            forget(TLS_OPTION, "spec.minVersion"),
            forget(TLS_OPTION, "spec.sniStrict"),
            forget(TRAEFIK, f"{POD}.containers[0].args"),
        ],
        compliant=[
            put(TLS_OPTION, "spec.minVersion", "VersionTLS13"),
            put(TLS_OPTION, "metadata.annotations.note", "strict"),
            put(TLS_OPTION, "spec.cipherSuites", ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"]),
        ],
    ),
    "ing-02": RuleTests(
        on=SERVING,
        violating=[
            delete(route("blocked-storefront")),
            put(route("blocked-pos"), f"{ROUTE}.priority", 50),
            put(route("blocked-pos"), f"{ROUTE}.match", lambda match: match.replace("/web/database|", "")),
            put(route("blocked-pos"), f"{ROUTE}.match", lambda match: match.replace("/queue_job|", "")),
            put(route("blocked-pos"), f"{ROUTE}.match", lambda match: match.replace("([_@-]", "([_-]")),
            put(route("blocked-pos"), f"{ROUTE}.match", "Host(`pos.nowhere.example`) && PathPrefix(`/metrics`)"),
            put(route("blocked-integration"), f"{ROUTE}.middlewares", []),
            put(middleware("deny"), "spec.ipAllowList.sourceRange", ["0.0.0.0/0"]),
            put(middleware("deny"), "spec.ipAllowList.sourceRange", ["255.255.255.255/32", "10.0.0.0/8"]),
            put(middleware("deny"), "spec.ipAllowList.ipStrategy", {"depth": 1}),
            put(middleware("deny"), "metadata.name", "closed"),
            put(middleware("deny"), 'metadata.labels."retail/edge"', "another"),
            delete(middleware("deny")),
            delete(route("websocket-pos")),
            put(route("websocket-pos"), f"{ROUTE}.services[0].name", "pos"),
            put(route("websocket-pos"), f"{ROUTE}.middlewares[0].name", "pos-buffer"),
            put(route("storefront"), f"{ROUTE}.services[0]", {"name": "websocket", "port": 8072}),
            only(OWNERS, flag("entrypoints.websecure.http.encodedcharacters.allowencodedslash", "true")),
            only(OWNERS, flag("entrypoints.websecure.http.encodedcharacters.allowencodedbackslash", None)),
            only(OWNERS, flag("entrypoints.websecure.http.sanitizepath", "false")),
            only(STACKS, also(INGRESS_ROUTE_TCP, {"spec": {"routes": []}})),
        ],
        absent=[
            drop(middleware("deny"), "spec.ipAllowList.sourceRange"),
            # Traefik takes the length of the rule then, which is longer than 200, the next highest.
            fine(drop(route("blocked-backoffice"), f"{ROUTE}.priority")),
            drop(route("blocked-backoffice"), f"{ROUTE}.middlewares"),
        ],
        unknown=[
            forget(middleware("deny"), "spec.ipAllowList.sourceRange"),
            forget(route("blocked-backoffice"), f"{ROUTE}.match"),
            forget(route("websocket-pos"), f"{ROUTE}.services"),
        ],
        compliant=[
            put(middleware("deny"), "spec.ipAllowList.sourceRange", ["255.255.255.255/32", "127.0.0.1/32"]),
            put(route("blocked-pos"), f"{ROUTE}.priority", 2000),
            put(route("blocked-pos"), "metadata.annotations.note", "closed"),
        ],
    ),
    "ing-03": RuleTests(
        on=SERVING,
        violating=[
            put(middleware("limit-logins"), "spec.rateLimit.average", 0),
            put(middleware("limit-logins"), "spec.rateLimit.average", 500),
            put(middleware("limit-logins"), "spec.rateLimit.burst", 1000),
            put(middleware("limit-logins"), "spec.rateLimit.period", "1s"),
            put(middleware("limit-logins"), "spec.rateLimit.sourceCriterion", {"requestHost": True}),
            put(middleware("integration-rate"), "spec.rateLimit.average", lambda rate: rate * 1000),
            put(middleware("integration-rate"), "spec", {"compress": {}}),
            delete(route("storefront-logins")),
            put(
                route("integration-webhooks"),
                f"{ROUTE}.middlewares",
                lambda listed: [each for each in listed if each["name"] != "integration-rate"],
            ),
        ],
        absent=[
            drop(middleware("limit-logins"), "spec.rateLimit.average"),
            fine(drop(middleware("limit-logins"), "spec.rateLimit.burst")),
            drop(middleware("limit-logins"), "spec.rateLimit.period"),
            drop(route("integration-rpc"), f"{ROUTE}.middlewares"),
        ],
        unknown=[
            forget(middleware("limit-logins"), "spec.rateLimit.average"),
            forget(middleware("integration-rate"), "spec.rateLimit"),
            forget(route("storefront-logins"), f"{ROUTE}.match"),
        ],
        compliant=[
            put(middleware("limit-logins"), "spec.rateLimit.average", 4),
            put(middleware("limit-logins"), "spec.rateLimit.period", "60s"),
        ],
    ),
    "ing-04": RuleTests(
        on=SERVING,
        violating=[
            put(middleware("compress"), "spec", {"retry": {"attempts": 3}}),
            put(middleware("security-headers"), "spec.retry", {"attempts": 2, "retryNonIdempotentMethod": True}),
            put(middleware("compress"), "spec", {"chain": {"middlewares": [{"name": "storefront-buffer"}]}})
            + put(middleware("storefront-breaker"), "spec", {"retry": {"attempts": 2}}),
        ],
        absent=[
            fine(drop(middleware("compress"), "spec.compress")),
            put(middleware("compress"), "spec", {"retry": {}}),
        ],
        unknown=[
            forget(middleware("compress"), "spec.retry"),
            put(middleware("compress"), "spec", {"retry": {"attempts": 2}})
            + forget(middleware("compress"), "spec.retry"),
        ],
        compliant=[
            put(middleware("compress"), "spec.compress.minResponseBodyBytes", 2048),
        ],
    ),
    "ing-05": RuleTests(
        on=SERVING,
        violating=[
            put(middleware("storefront-in-flight"), "spec.inFlightReq.amount", 10000),
            put(middleware("integration-webhooks-in-flight"), "spec.inFlightReq.amount", lambda amount: amount + 100),
            put(middleware("storefront-in-flight"), "spec.inFlightReq.sourceCriterion", {"ipStrategy": {}}),
            put(
                route("pos"),
                f"{ROUTE}.middlewares",
                lambda listed: [each for each in listed if each["name"] != "pos-in-flight"],
            ),
            only({"outlet", "peak"}, put(TRAEFIK, "spec.replicas", 30)),
            only({"dev"}, put(f"{SCALED_OBJECT}::autoscaling-traefik", "spec.maxReplicaCount", 20)),
        ],
        absent=[
            fine(drop(middleware("storefront-in-flight"), "spec.inFlightReq.sourceCriterion")),
            drop(middleware("storefront-in-flight"), "spec.inFlightReq"),
        ],
        unknown=[forget(middleware("storefront-in-flight"), "spec.inFlightReq.amount")],
        compliant=[put(middleware("storefront-in-flight"), "spec.inFlightReq.amount", lambda amount: amount - 1)],
    ),
    "ing-06": RuleTests(
        on=OWNERS,
        violating=[
            flag("entrypoints.websecure.proxyprotocol.insecure", "true"),
            flag("entrypoints.websecure.forwardedheaders.insecure", "true"),
            flag("entrypoints.websecure.forwardedheaders.trustedips", "0.0.0.0/0"),
            flag("entrypoints.websecure.forwardedheaders.trustedips", "10.0.0.0/8"),
            flag("entrypoints.web.proxyprotocol.trustedips", None),
            flag("entrypoints.websecure.proxyprotocol.trustedips", "10.99.0.0/20"),
            flag("entryPoints.websecure.forwardedHeaders.insecure", "true"),
            balancer("target-group-attributes", "deregistration_delay.timeout_seconds=120"),
            balancer(
                "target-group-attributes", "proxy_protocol_v2.enabled=false,deregistration_delay.timeout_seconds=120"
            ),
            only(
                SERVING, put(middleware("limit-logins"), "spec.rateLimit.sourceCriterion", {"ipStrategy": {"depth": 1}})
            ),
            only(
                SERVING,
                put(middleware("limit-logins"), "spec.rateLimit.sourceCriterion", {"requestHeaderName": "X-Real-Ip"}),
            ),
            only(
                SERVING,
                put(middleware("pos-address"), "spec.inFlightReq.sourceCriterion.ipStrategy.excludedIPs", ["10.0.0.1"]),
            ),
            only(CLUSTERS, put(f"{SUBNET}::public-eu-central-1a", "cidrBlock", "10.99.0.0/20")),
        ],
        absent=[
            flag("entrypoints.websecure.forwardedheaders.trustedips", None),
            drop(EDGE_SERVICE, f'metadata.annotations."{NLB}-target-group-attributes"'),
            only(SERVING, fine(drop(middleware("pos-address"), "spec.inFlightReq.sourceCriterion.ipStrategy.depth"))),
        ],
        unknown=[
            forget(TRAEFIK, f"{POD}.containers[0].args[5]"),
            forget(EDGE_SERVICE, f'metadata.annotations."{NLB}-target-group-attributes"'),
            only(SERVING, forget(middleware("pos-address"), "spec.inFlightReq.sourceCriterion.ipStrategy.depth")),
        ],
        compliant=[
            balancer(
                "target-group-attributes",
                "deregistration_delay.timeout_seconds=120,preserve_client_ip.enabled=false,"
                "proxy_protocol_v2.enabled=true",
            ),
            put(TRAEFIK, "metadata.annotations.note", "addresses"),
        ],
    ),
    "ing-07": RuleTests(
        on=OWNERS,
        violating=[
            put(TRAEFIK, f"{POD}.containers[0].lifecycle.preStop.sleep.seconds", 5),
            put(TRAEFIK, f"{POD}.containers[0].lifecycle.preStop", {"exec": {"command": ["sh", "-c", "sleep 30"]}}),
            put(TRAEFIK, f"{POD}.terminationGracePeriodSeconds", 60),
            only(BOTH, flag("entrypoints.websecure.transport.lifecycle.gracetimeout", "10s")),
            balancer(
                "target-group-attributes", "proxy_protocol_v2.enabled=true,deregistration_delay.timeout_seconds=3600"
            ),
            flag("entrypoints.websecure.transport.lifecycle.requestacceptgracetimeout", "300s"),
        ],
        absent=[
            drop(TRAEFIK, f"{POD}.containers[0].lifecycle"),
            drop(TRAEFIK, f"{POD}.terminationGracePeriodSeconds"),
            only(BOTH, flag("entrypoints.websecure.transport.lifecycle.gracetimeout", None)),
        ],
        unknown=[
            forget(TRAEFIK, f"{POD}.terminationGracePeriodSeconds"),
            forget(TRAEFIK, f"{POD}.containers[0].lifecycle.preStop.sleep.seconds"),
        ],
        compliant=[
            put(TRAEFIK, f"{POD}.terminationGracePeriodSeconds", 900),
            put(TRAEFIK, f"{POD}.containers[0].lifecycle.preStop", {"exec": {"command": ["sleep", "120"]}}),
        ],
    ),
    "ing-08": RuleTests(
        on=SERVING,
        violating=[
            put(route("storefront"), f"{ROUTE}.match", "PathPrefix(`/`)"),
            put(route("storefront"), f"{ROUTE}.match", "HostRegexp(`.*`)"),
            put(route("storefront"), f"{ROUTE}.match", "Host(`shop.someone-else.example`)"),
            put(route("storefront"), f"{ROUTE}.match", lambda match: f"{match} || PathPrefix(`/shop`)"),
            put(route("storefront"), "spec.tls.secretName", "other-tls"),
            put(CERTIFICATE, "spec.secretName", "other-tls"),
            put(CERTIFICATE, "spec.dnsNames", lambda names: names[1:]),
            delete(CERTIFICATE),
        ],
        absent=[
            drop(route("storefront"), "spec.tls.secretName"),
            drop(CERTIFICATE, "spec.dnsNames"),
        ],
        unknown=[
            forget(route("storefront"), "spec.tls.secretName"),
            forget(CERTIFICATE, "spec.dnsNames"),
        ],
        compliant=[
            put(CERTIFICATE, "spec.dnsNames", lambda names: [f"*.{names[0].partition('.')[2]}"]),
            put(CERTIFICATE, "spec.revisionHistoryLimit", 5),
        ],
    ),
    "ing-09": RuleTests(
        on=OWNERS,
        violating=[
            flag("api.insecure", "true"),
            flag("api", "true"),
            flag("api.dashboard", "true"),
            flag("certificatesresolvers.le.acme.email", "ops@retail.example"),
            flag("metrics.prometheus.entrypoint", "websecure"),
            flag("ping.entrypoint", "web"),
            flag("providers.kubernetesingress", "true"),
            only(SERVING, put(route("storefront"), "spec.tls.certResolver", "le")),
        ],
        absent=[
            fine(flag("metrics.prometheus.entrypoint", None)),
            drop(TRAEFIK, f"{POD}.containers[0].args"),
        ],
        unknown=[
            forget(TRAEFIK, f"{POD}.containers[0].args"),
            only(SERVING, forget(route("storefront"), "spec.tls.certResolver")),
        ],
        compliant=[flag("api", "false"), flag("api.dashboard", "false"), flag("log.level", "WARN")],
    ),
    "ing-10": RuleTests(
        on=STACKS,
        violating=[
            only(SERVING, put(f"{SERVICE}::odoo-storefront", "spec.type", "LoadBalancer")),
            only(SERVING, put(f"{SERVICE}::odoo-storefront", "spec.type", "NodePort")),
            only(SERVING, put(f"{SERVICE}::odoo-storefront", "spec.externalIPs", ["203.0.113.1"])),
            only(OWNERS, put(EDGE_SERVICE, "spec.ports[0].port", 9100)),
            only(OWNERS, put(EDGE_SERVICE, "spec.selector", {"app.kubernetes.io/name": "odoo"})),
            only(
                CLUSTERS,
                put(EKS_CLUSTER, "vpcConfig.publicAccessCidrs", ["0.0.0.0/0"])
                + put(EKS_CLUSTER, "vpcConfig.endpointPublicAccess", True),
            ),
            only(
                CLUSTERS,
                put(EKS_CLUSTER, "vpcConfig.publicAccessCidrs", ["0.0.0.0/1", "128.0.0.0/1"])
                + put(EKS_CLUSTER, "vpcConfig.endpointPublicAccess", True),
            ),
            only(
                CLUSTERS,
                put(EKS_CLUSTER, "vpcConfig.publicAccessCidrs", [])
                + put(EKS_CLUSTER, "vpcConfig.endpointPublicAccess", "true"),
            ),
            only(CLUSTERS, put(EKS_CLUSTER, "vpcConfig.endpointPrivateAccess", False)),
            also(INGRESS, {"spec": {"ingressClassName": "alb"}}),
            also(GATEWAY, {"spec": {"gatewayClassName": "amazon"}}),
            add(LB, "other", {"name": "other", "internal": False}),
            add(LB, "other", {"name": "other"}),
            only({"outlet", "peak"}, put(SECURITY_GROUP_INGRESS_RULE, "cidrIpv4", "0.0.0.0/0")),
            only(
                CLUSTERS,
                put(
                    f"{HELM_RELEASE}::operators-prometheus-release",
                    "values.grafana",
                    {"service": {"type": "LoadBalancer"}},
                ),
            ),
            only(
                CLUSTERS,
                put(f"{HELM_RELEASE}::operators-prometheus-release", "values.grafana", {"ingress": {"enabled": True}}),
            ),
        ],
        absent=[
            only(CLUSTERS, drop(EKS_CLUSTER, "vpcConfig")),
            fine(drop(f"{SERVICE}::odoo-storefront", "spec.type")),
            only(OWNERS, fine(drop(EDGE_SERVICE, f'metadata.annotations."{NLB}-scheme"'))),
        ],
        unknown=[
            only(CLUSTERS, forget(EKS_CLUSTER, "vpcConfig.endpointPublicAccess")),
            only(SERVING, forget(f"{SERVICE}::odoo-storefront", "spec.type")),
        ],
        compliant=[
            put(EKS_CLUSTER, "vpcConfig.endpointPublicAccess", True)
            + put(EKS_CLUSTER, "vpcConfig.publicAccessCidrs", ["203.0.113.0/24"]),
            put(f"{SERVICE}::odoo-storefront", "metadata.annotations.note", "inside"),
        ],
    ),
    "ing-11": RuleTests(
        on=SERVING,
        violating=[
            delete(middleware("storefront-rate")),
            put(middleware("storefront-buffer"), "metadata.name", "renamed"),
            put(middleware("storefront-buffer"), 'metadata.labels."retail/edge"', "another"),
            put(middleware("storefront-buffer"), "metadata.namespace", "elsewhere"),
            put(route("storefront"), 'metadata.labels."retail/edge"', "another"),
            put(route("storefront"), f"{ROUTE}.services[0].name", "renamed"),
            put(route("storefront"), f"{ROUTE}.services[0].namespace", "elsewhere"),
            put(route("storefront"), f"{ROUTE}.services[0].kind", "TraefikService"),
            delete(f"{SERVICE}::odoo-pos"),
            only(OWNERS, flag("providers.kubernetescrd.allowcrossnamespace", "true")),
            only(OWNERS, flag("providers.kubernetescrd.labelselector", None)),
        ],
        absent=[
            drop(route("storefront"), f"{ROUTE}.services"),
            drop(route("storefront"), "metadata.labels"),
            only(OWNERS, fine(flag("providers.kubernetescrd.allowcrossnamespace", None))),
        ],
        unknown=[
            forget(route("storefront"), f"{ROUTE}.services"),
            forget(route("storefront"), "metadata.labels"),
        ],
        compliant=[
            put(route("storefront"), 'metadata.labels."app.kubernetes.io/version"', "19.0"),
            put(middleware("storefront-buffer"), "metadata.annotations.note", "whole"),
        ],
    ),
    "ing-12": RuleTests(
        on=SERVING,
        violating=[
            put(route("blocked-pos"), f"{ROUTE}.match", lambda match: match.replace("|/jsonrpc", "")),
            delete(route("integration-webhooks")),
            put(route("integration-webhooks"), f"{ROUTE}.services[0].name", "storefront"),
            put(route("integration-rpc"), f"{ROUTE}.services[0].name", "backoffice"),
        ],
        absent=[
            drop(route("integration-webhooks"), f"{ROUTE}.services[0].name"),
            drop(f"{DEPLOYMENT}::odoo-integration", 'spec.template.metadata.labels."retail/tier"'),
        ],
        unknown=[
            forget(route("integration-webhooks"), f"{ROUTE}.match"),
            forget(f"{SERVICE}::odoo-integration", "spec.selector"),
        ],
        compliant=[put(route("integration-webhooks"), f"{ROUTE}.priority", 600)],
    ),
    "ing-13": RuleTests(
        on=SERVING,
        violating=[
            put(WEB, f"{POD}.terminationGracePeriodSeconds", 30),
            put(WEB, f"{POD}.containers[0].lifecycle.preStop.sleep.seconds", 0),
            put(WEB, f"{POD}.containers[0].lifecycle.preStop.sleep.seconds", 600),
        ],
        absent=[
            drop(WEB, f"{POD}.terminationGracePeriodSeconds"),
            drop(WEB, f"{POD}.containers[0].lifecycle"),
        ],
        unknown=[
            forget(WEB, f"{POD}.terminationGracePeriodSeconds"),
            forget(WEB, f"{POD}.containers[0].lifecycle.preStop.sleep.seconds"),
        ],
        compliant=[put(WEB, f"{POD}.terminationGracePeriodSeconds", 300)],
    ),
    "ing-14": RuleTests(
        on=OWNERS,
        violating=[
            flag("accesslog.fields.queryparameters.defaultmode", "keep"),
            flag("accesslog.fields.headers.defaultmode", "keep"),
            flag("accesslog.fields.headers.names.Cookie", "keep"),
        ],
        absent=[
            flag("accesslog.fields.queryparameters.defaultmode", None),
            fine(flag("accesslog.fields.headers.defaultmode", None)),
        ],
        unknown=[forget(TRAEFIK, f"{POD}.containers[0].args")],
        compliant=[flag("accesslog.fields.headers.names.Accept-Language", "keep")],
    ),
    "ing-15": RuleTests(
        on=SERVING,
        violating=[
            put(CERTIFICATE, "spec.renewBeforePercentage", 20),
            only({"peak"}, put(CERTIFICATE, "spec.renewBeforePercentage", 50)),
            put(CERTIFICATE, "spec.renewBeforePercentage", 100),
            put(CERTIFICATE, "spec.duration", "240h"),
            put(CERTIFICATE, "spec.renewBefore", "720h"),
            drop(CERTIFICATE, "spec.renewBeforePercentage") + put(CERTIFICATE, "spec.renewBefore", "240h"),
            put(CERTIFICATE, "spec.privateKey.rotationPolicy", "Never"),
            put(CERTIFICATE, "spec.issuerRef.kind", "Issuer"),
            only({"dev", "peak"}, put(CERTIFICATE, "spec.issuerRef.name", "other")),
            only({"dev", "peak"}, delete(CLUSTER_ISSUER)),
        ],
        absent=[
            only({"peak"}, drop(CERTIFICATE, "spec.renewBeforePercentage")),
            fine(drop(CERTIFICATE, "spec.duration")),
            drop(CERTIFICATE, "spec.privateKey"),
            drop(CERTIFICATE, "spec.issuerRef"),
        ],
        unknown=[
            forget(CERTIFICATE, "spec.renewBeforePercentage"),
            forget(CERTIFICATE, "spec.duration"),
        ],
        compliant=[
            put(CERTIFICATE, "spec.renewBeforePercentage", 75),
            drop(CERTIFICATE, "spec.renewBeforePercentage") + put(CERTIFICATE, "spec.renewBefore", "1600h"),
        ],
    ),
    "ing-16": RuleTests(
        on=OWNERS,
        violating=[
            put(EDGE_SERVICE, f'metadata.annotations."{NLB}-scheme"', "internal"),
            put(EDGE_SERVICE, f'metadata.annotations."{NLB}-nlb-target-type"', "instance"),
            put(EDGE_SERVICE, f'metadata.annotations."{NLB}-healthcheck-port"', "traffic-port"),
            put(EDGE_SERVICE, f'metadata.annotations."{NLB}-healthcheck-path"', "/"),
            put(EDGE_SERVICE, "spec.ports[name=websecure].port", 8443),
            put(EDGE_SERVICE, 'spec.selector."app.kubernetes.io/name"', "other"),
        ],
        absent=[
            drop(EDGE_SERVICE, f'metadata.annotations."{NLB}-scheme"'),
            drop(EDGE_SERVICE, f'metadata.annotations."{NLB}-healthcheck-protocol"'),
            delete(EDGE_SERVICE),
            delete(TRAEFIK),
        ],
        unknown=[
            forget(EDGE_SERVICE, "metadata.annotations"),
            forget(EDGE_SERVICE, "spec.ports"),
        ],
        compliant=[put(EDGE_SERVICE, f'metadata.annotations."{NLB}-additional-resource-tags"', "class=gold")],
    ),
}

test_edits, test_without, test_whole = rules_tested("ing", TESTS)
