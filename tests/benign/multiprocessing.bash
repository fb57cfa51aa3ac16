# what: Python's multiprocessing, short tasks on all processors
# packages: python3
for_a_while /usr/bin/python3 - <<'P'
import multiprocessing
def task(n):
    return sum(i * i for i in range(n % 1000 + 20000))
with multiprocessing.Pool() as pool:
    while True:
        sum(pool.imap_unordered(task, range(2000), chunksize=20))
P
