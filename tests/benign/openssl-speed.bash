# what: openssl speed on all processors
# packages: openssl
need openssl
again openssl speed -multi "$(nproc)" -seconds 1 -evp aes-256-gcm > /dev/null 2>&1
