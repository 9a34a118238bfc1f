"""Restore drill: runs in a pod, in the retailer's own Odoo image, as `python3 -m restore_drill`."""
