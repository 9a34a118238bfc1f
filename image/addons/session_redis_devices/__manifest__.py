{
    "name": "Sessions in Redis: devices",
    "summary": "Lets Odoo's list of devices find and end sessions that are kept in Redis",
    "version": "1.0",
    "category": "Hidden",
    "author": "odoo-retail",
    "license": "LGPL-3",
    "depends": ["base"],
    "installable": True,
}
