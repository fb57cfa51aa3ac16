# what: an administrator who sets huge pages, up and down
# packages: procps
need sysctl
pages=$(cat /proc/sys/vm/nr_hugepages)
trap 'sysctl -q vm.nr_hugepages="$pages"' EXIT
again sh -c "sysctl -q vm.nr_hugepages=$((pages + 16)); sleep 1; sysctl -q vm.nr_hugepages=$pages; sleep 1"
