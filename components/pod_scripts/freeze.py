"""The clock of admission: says whether changes are frozen now and which of them are approved, and ends emergencies.

CEL has no clock, so the API server reads what this writes: `data` of the ConfigMap that the admission policy has as its
parameter. Every run computes all of it anew from the calendar and the approvals that are there, so a missed run is made
good by the next, and a second one changes nothing. Emergency bindings whose time is over, or can't be read, go first.

Environment: FREEZE_PLAN, a file: {"namespace", "object", "own_namespace", "lead_seconds", "windows": [{"name", "start",
"end"}]}, times in UTC. Standard library only.
"""

import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
ROLE, EXPIRES = "break-glass", "retail/expires"
LONGEST_APPROVAL = timedelta(hours=72)
APPROVABLE = re.compile(r"(deployments|cronjobs|jobs|scaledobjects|clusters|poolers)/[a-z0-9.-]+")

Object = dict[str, Any]
Request = Callable[[str, str, Object | None], Object]


def state(windows: Iterable[Object], approvals: Iterable[Object], now: datetime, lead: timedelta) -> dict[str, str]:
    """What the parameter says at `now`. A freeze begins `lead` early: the next run could be that much late."""
    freezes = [each for each in windows if moment(each["start"]) - lead <= now < moment(each["end"])]
    if not freezes:
        return {"frozen": "false", "window": "", "approved": ""}
    approved = sorted({line for approval in approvals for line in lines(approval, now)})
    named = ", ".join(f"{each['name']} until {each['end']}" for each in freezes)
    return {"frozen": "true", "window": named, "approved": "\n".join(approved)}


def lines(approval: Object, now: datetime) -> list[str]:
    """`author resource/name` for each object of an approval that holds now.

    Admission has judged it when it was made; what this can judge it judges again, should admission have been off.
    """
    data = approval.get("data") or {}
    author, approver = data.get("author", ""), data.get("approver", "")
    try:
        made, expires = moment(approval["metadata"]["creationTimestamp"]), moment(data["expires"])
    except (KeyError, ValueError):
        return []
    same = author.rpartition("/")[2] == approver.rpartition("/")[2]
    if same or not author or re.search(r"\s", author) or not made <= now < expires <= made + LONGEST_APPROVAL:
        return []
    return [f"{author} {each}" for each in data.get("objects", "").split() if APPROVABLE.fullmatch(each)]


def over(binding: Object, now: datetime) -> bool:
    """Whether a binding gives break-glass and its time is over, or says none."""
    if binding["roleRef"]["name"] != ROLE:
        return False
    try:
        return moment((binding["metadata"].get("annotations") or {})[EXPIRES]) <= now
    except (KeyError, ValueError):
        return True


def moment(text: str) -> datetime:
    """An instant as 2026-11-27T18:00:00Z. Raises ValueError for one without its zone."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return parsed


def run(request: Request, plan: Object, now: datetime) -> list[str]:
    """Everything once; what failed. What is to be ended is ended even if the rest can't be done."""
    failures: list[str] = []
    bindings = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{plan['namespace']}/rolebindings"
    try:
        for binding in request("GET", bindings, None)["items"]:
            if over(binding, now):
                request("DELETE", f"{bindings}/{binding['metadata']['name']}", None)
                print(f"{binding['metadata']['name']}: its time is over, taken away", flush=True)
    except OSError as error:
        failures.append(f"emergency bindings: {error}")
    approvals: list[Object] = []
    try:
        path = f"/api/v1/namespaces/{plan['namespace']}/configmaps?labelSelector=retail%2Fapproval%3Dchange"
        approvals = request("GET", path, None)["items"]
    except OSError as error:
        failures.append(f"approvals: {error}")
    data = state(plan["windows"], approvals, now, timedelta(seconds=plan["lead_seconds"]))
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": plan["object"], "namespace": plan["own_namespace"]},
        "data": data,
    }
    path = f"/api/v1/namespaces/{plan['own_namespace']}/configmaps/{plan['object']}"
    try:
        # Applied, so that Pulumi, which says nothing about `data`, and this never undo each other.
        request("PATCH", f"{path}?fieldManager=freeze-switch&force=true", manifest)
        print(f"{plan['namespace']}: frozen {data['frozen']} {data['window']}", flush=True)
    except OSError as error:
        failures.append(f"{plan['object']}: {error}")
    return failures


def api(server: str, account: Path = ACCOUNT) -> Request:
    """The API server as the pod's own account. Its errors are OSErrors with what it said."""
    tls = ssl.create_default_context(cafile=str(account / "ca.crt")) if server.startswith("https:") else None

    def request(method: str, path: str, body: Object | None) -> Object:
        call = urllib.request.Request(  # noqa: S310 - the API server
            server + path,
            json.dumps(body).encode() if body is not None else None,
            {
                "Authorization": f"Bearer {(account / 'token').read_text()}",
                "Content-Type": "application/apply-patch+yaml",
            },
            method=method,
        )
        try:
            with urllib.request.urlopen(call, context=tls, timeout=30) as answer:  # noqa: S310 - as above
                parsed: Object = json.load(answer)
                return parsed
        except urllib.error.HTTPError as error:
            raise OSError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:500]}") from None

    return request


def main() -> int:
    plan = json.loads(Path(os.environ["FREEZE_PLAN"]).read_text())
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    failures = run(api(server), plan, datetime.now(UTC))
    for failure in failures:
        print(failure, file=sys.stderr, flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
