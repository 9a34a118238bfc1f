"""What Odoo 18 and 19 read, and from where: names only, as `odoo/tools/config.py` of each series declares them.

Read in public copies of it: 19.0 whole; 18.0 as it was first released, and `odoo --help` of a later 18.0, which adds
`limit_time_worker_cron` and `pre_upgrade_scripts`.

Precedence: 18 command line, file; 19 command line, environment, file.
"""

import re


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FILE_ONLY = _names(
    """
    admin_passwd csv_internal_sep publisher_warranty_url reportgz websocket_keep_alive_timeout
    websocket_rate_limit_burst websocket_rate_limit_delay
    """
)

_BOTH = _names(
    """
    addons_path data_dir db_host db_maxconn db_maxconn_gevent db_name db_password db_port db_replica_host
    db_replica_port db_sslmode db_template db_user dbfilter email_from from_filter geoip_city_db
    geoip_country_db gevent_port http_enable http_interface http_port limit_memory_hard limit_memory_hard_gevent
    limit_memory_soft limit_memory_soft_gevent limit_request limit_time_cpu limit_time_real limit_time_real_cron
    limit_time_worker_cron list_db log_db log_db_level log_handler log_level logfile max_cron_threads
    osv_memory_count_limit pg_path pidfile pre_upgrade_scripts proxy_mode screencasts screenshots
    server_wide_modules smtp_password smtp_port smtp_server smtp_ssl smtp_ssl_certificate_filename
    smtp_ssl_private_key_filename smtp_user syslog transient_age_limit unaccent upgrade_path workers x_sendfile
    """
)

IN_FILE = {
    "18": FILE_ONLY | _BOTH | {"without_demo"},
    "19": FILE_ONLY | _BOTH | {"with_demo", "db_app_name", "bin_path", "proxy_access_token"},
}

FLAGS = _names(
    """
    -c --config -d --database -i --init -u --update --load --workers --max-cron-threads --no-http
    --stop-after-init --without-demo
    """
)
"""Command line options of both series, as far as a container would use them."""

_NAMED_BY_POSTGRESQL = {
    "db_name": "PGDATABASE",
    "db_user": "PGUSER",
    "db_password": "PGPASSWORD",
    "db_host": "PGHOST",
    "db_port": "PGPORT",
    "db_replica_host": "PGHOST_REPLICA",
    "db_replica_port": "PGPORT_REPLICA",
    "db_sslmode": "PGSSLMODE",
    "db_app_name": "PGAPPNAME",
    "db_template": "PGDATABASE_TEMPLATE",
    "pg_path": "PGPATH",
}

FROM_ENVIRONMENT = {
    "18": frozenset({"ODOO_RC"}),
    "19": frozenset({"ODOO_RC", "ODOO_DEV"})
    | {_NAMED_BY_POSTGRESQL.get(option, f"ODOO_{option.upper()}") for option in IN_FILE["19"]},
}
"""Variables that Odoo itself takes options from; modules have others (`ODOO_SESSION_REDIS_*`, `ODOO_QUEUE_JOB_*`)."""


def flags_of(arguments: list[str]) -> set[str]:
    """Long and short options in a command line."""
    return {match[0] for argument in arguments if (match := re.match(r"--?[a-z][a-z-]*", argument))}
