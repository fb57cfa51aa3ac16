# A client logs in to a service by JSON-RPC, with the method "login" that mining pools use as well, and then polls for jobs
# of its own.
python3 /root/client.py
