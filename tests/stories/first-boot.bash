# A new virtual machine sets itself up without a person. cloud-init runs a script of the user, which pipes a vendor's
# installer into a shell and runs a fetched program. The program writes a cron job. cloud-init writes an SSH key.
export BASH_ENV=/opt/story/act.bash
/usr/lib/systemd/systemd 8 &
/usr/bin/cloud-init modules --mode=final
wait
