# A script prepares the host for RandomX: it loads the driver for the processor's registers (the loader does nothing
# here) and raises the pool of huge pages by 128 for two seconds. Then it starts a program that maps memory of RandomX's
# sizes.
pages=$(cat /proc/sys/vm/nr_hugepages)
modprobe msr allow_writes=on
echo $((pages + 128)) >/proc/sys/vm/nr_hugepages
sleep 2
echo "$pages" >/proc/sys/vm/nr_hugepages
/opt/story/memory randomx 2
