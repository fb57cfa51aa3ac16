# An administrator reserves some huge pages for two seconds and starts a database, which maps a large pool and arenas of
# memory.
pages=$(cat /proc/sys/vm/nr_hugepages)
echo $((pages + 40)) >/proc/sys/vm/nr_hugepages
/opt/story/memory database 2
echo "$pages" >/proc/sys/vm/nr_hugepages
