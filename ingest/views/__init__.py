"""The pages under /keyword-alerts/. No rules in here: access.py says who may, jobs.py starts what happens."""
