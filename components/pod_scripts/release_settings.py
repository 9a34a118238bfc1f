"""Settings that Odoo keeps in the database, stated anew by every release; run by `click-odoo`.

A restored database brings its old ones along; after a release it has this stack's.

Environment: RELEASE_REPORT_URL, RELEASE_BASE_URL, RELEASE_FILESTORE (code of the fs.storage record), RELEASE_GRANTS
(SQL, one statement a line), RELEASE_INITIALISED (where this release has initialised the database).
"""

import os
from collections.abc import Mapping
from typing import Any

ASSETS_IN_DATABASE = '{"image/": 51200, "application/javascript": 0, "text/css": 0}'
"""fs_attachment's own default. Bundles of scripts and styles in PostgreSQL are seen by every pod at once; in S3 a pod
that has just made one would be alone with it for a moment."""


def state(env: Any, wanted: Mapping[str, str]) -> None:
    """Write the settings, and commit them."""
    parameters = env["ir.config_parameter"].sudo()
    # wkhtmltopdf fetches styles from there: through the public host they would pass the firewall and the rate limits.
    parameters.set_param("report.url", wanted["RELEASE_REPORT_URL"])
    # Otherwise the next administrator who logs in by another host changes every link in every mail.
    parameters.set_param("web.base.url", wanted["RELEASE_BASE_URL"])
    parameters.set_param("web.base.url.freeze", "True")
    file_storage(env, wanted["RELEASE_FILESTORE"])
    if wanted.get("RELEASE_INITIALISED"):
        # What was installed before the storage was known lies in this pod, and would go with it.
        env["ir.attachment"].sudo().force_storage()
    for statement in wanted["RELEASE_GRANTS"].splitlines():
        env.cr.execute(statement)
    env.cr.commit()


def file_storage(env: Any, code: str) -> None:
    """The fs.storage record; where it leads stands in odoo.conf, in the section of that code."""
    values = {"use_as_default_for_attachments": True, "force_db_for_default_attachment_rules": ASSETS_IN_DATABASE}
    storages = env["fs.storage"].sudo()
    # One of them alone may be the default, and a restored database may bring another.
    storages.search([("code", "!=", code), ("use_as_default_for_attachments", "=", True)]).write(
        {"use_as_default_for_attachments": False}
    )
    known = storages.search([("code", "=", code)])
    if known:
        known.write(values)
    else:
        storages.create({"name": "Filestore", "code": code, "protocol": "s3", **values})


if "env" in globals():  # click-odoo provides it
    state(globals()["env"], os.environ)
