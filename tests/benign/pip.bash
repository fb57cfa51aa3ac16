# what: pip installing into a virtual environment
# packages: python3-venv python3-pip
# network: host
/usr/bin/python3 -m venv env 2>/dev/null || not_run "python3 makes no virtual environment"
env/bin/pip install -q --no-cache-dir requests >/dev/null 2>&1 || not_run "pip reaches no registry"
again env/bin/pip install -q --force-reinstall requests
