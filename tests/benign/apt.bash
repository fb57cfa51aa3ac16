# what: apt-get installing a package again
# network: host
need apt-get dpkg
export DEBIAN_FRONTEND=noninteractive
apt-get -qq -o DPkg::Lock::Timeout=60 install --reinstall -y --no-install-recommends hostname >/dev/null 2>&1 || not_run "apt-get cannot install"
again sh -c 'apt-get clean && apt-get -qq -o DPkg::Lock::Timeout=60 install --reinstall -y --no-install-recommends hostname >/dev/null 2>&1; sleep 2'
