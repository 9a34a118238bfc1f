"""Guardrails for Odoo, PostgreSQL and retail peaks on EKS: how the pack works, and how to write a rule for it.

A rule in full, in the file of its area (az, db, bk, iso, ing, sec, frz, peak, cost, ops):

    @stack_rule(
        "db-04",
        of=POSTGRES_CLUSTER,
        severity=Severity.CRITICAL,
        says="A gold database answers a commit only when a standby in another zone has it.",
        why="With asynchronous standbys the loss of a zone loses the last orders, and nobody can say which.",
        fix="set postgresql.synchronous to {method: any, number: 1, dataDurability: required, failoverQuorum: true}",
        scenario="Saturday noon: the zone of the primary is lost, and 600 tills go on with every receipt there.",
        implies=("db-05",),
        protects=Protects.DATA,
    )
    def synchronous(cluster: Resource, graph: Graph) -> Iterable[Violation]:
        if graph.contract.objective_class != "gold":
            return
        if (method := cluster.text("spec.postgresql.synchronous.method")) != "any":
            yield Violation(cluster, f"synchronous method is {method}, not any")

**Which form.** `@resource_rule(id, of=types)` decorates `check(resource, config)`: one resource judged by itself,
before it is created. `@stack_rule(id, of=types)` decorates `check(resource, graph)`, called for each resource of the
types with all others at hand; without `of`, `check(graph)`, called once: for sums, and for what should be there and
is not. Prefer `of`: one resource that can't be judged then never hides another. A rule is a generator of
`Violation(where, what, fix="")`; `where=None` is the stack itself. `what` shows the figures (`Sum` in sums.py prints
every term with its source) and never the value of a secret. The pack puts the id before it and the rule's `fix`
behind it.

**Reading.** Never index into properties. `text`, `number`, `flag`, `items`, `entries`, `texts`, `words`, `document`
(reading.py) give exactly that type at a dotted path, and raise `Unjudged` for what is missing (unless given a
default), null, unknown or of another type; the pack makes that a violation of the rule, on that resource. So a rule
handles only the values that it is about, and:
- what must be literal, just read it: an unknown is a violation that says so;
- what a preview may leave open, skip on purpose and say why: `if not node.known(path): return  # the ARN of ...`;
- what has a default in Kubernetes, AWS or an operator, give that default: `number("spec.instances", 1)`.
Any other exception is a violation too ("can't be judged: KeyError in db.py:83"): nothing crashes, nothing passes.

**Finding.** `graph.all(TYPE)`, `graph.within(namespace, TYPE)`, `graph.named(TYPE, namespace, name)`; the types are
constants of kinds.py (add yours there; a test holds tokens equal to the SDK's), and match any API version and Patch
form. Ids are unknown in a preview, so resources belong together by names and labels, or because an input was made
from another resource: `graph.sources(association, "subnetId", SUBNET)`, `graph.users(bucket, "bucket",
BUCKET_VERSIONING)`. Views: `graph.workloads` (whatever runs pods, PostgreSQL and poolers included, with floor and
ceiling), kubernetes/{selectors,quantities,durations,cron}.py, odoo.py (processes, odoo.conf and database path of a
workload), postgres.py, aws/{iam,zones}.py. Add a view rather than read the same thing in two rules.

**What resources can't show.** `graph.contract`: what the retailer was promised (class, RPO, RTO, calendar, budgets),
the inputs of the program's Retailer component; a stack without one breaks every rule that asks. `graph.freeze`: the
freeze that binds now. `graph.config.release` is the baseline of the last release and `graph.changes` what differs from
it, `graph.config.proof` the evidence; None where not given, Unjudged where somebody changed them by hand. Figures that
users may change are limits, declared beside the rule that uses them: `HOURS = limit("archive-outage-hours", 6, "Hours
...")`, read by `graph.config.number(HOURS)`. The clock is `config.now`, never `datetime.now`.

**Freezes.** In a freeze the frz rules judge what differs from the baseline, which `python -m rehearsal baseline
STACK` wrote at the last release: no baseline is a violation, since nothing then shows that nothing changed, and an
unchanged stack passes on any day. frz/changes.py says what may differ, changes.py what can't change in place. A change
needs the evidence of `python -m rehearsal evidence STACK`; one that may not be needs an emergency (emergencies.py),
which `baseline STACK --close TICKET` ends. `now` comes from the configuration, else the real clock. `python -m
rehearsal up` releases nothing and sets `rehearsal`, with which no freeze binds.

**Levels and waivers.** Critical and high rules are mandatory, medium ones advise. Configuration moves a rule with a
reason, or waives it for one resource until a day; `protects` (data, isolation, routing in a freeze, and a freeze
itself) forbids both.
`implies` names the other rules that the same mistake may break.

**Tests.** tests/policies/test_<area>.py holds for each rule what must trip it and what must not, as edits of the
shipped stacks; tests/policies/harness.py says how. Run them with `pytest -q tests/policies/test_<area>.py`.

What happens when: the engine shows each resource with its inputs, then the stack with its outputs, which are empty in
the preview of a new stack. pack.py records the former and judges the record; judging.py turns whatever a rule
stumbles over into its violation. The pack stands alone: it imports the standard library and the policy SDK, nothing
of the program. Cost: a rule with `of` runs once per such resource, so look things up, don't search all workloads
inside one."""
