# what: containers that come and go, by runc
# packages: runc busybox-static
need runc busybox
mkdir -p bundle/rootfs/bin bundle/rootfs/proc
cp "$(command -v busybox)" bundle/rootfs/bin/busybox
(cd bundle && runc spec && sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"\/bin\/busybox", "sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"/' config.json)
runc --root "$WORK/state" run -b bundle "mwb-$$" </dev/null >/dev/null 2> log || not_run "runc starts no container: $(tail -1 log)"
again sh -c 'runc --root "$WORK/state" run -b bundle "mwb-$$" </dev/null >/dev/null'
