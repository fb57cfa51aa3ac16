# A curious person looks up the website of a mining pool, reads a page of it, and saves an article about miners.
getent hosts supportxmr.com >/dev/null
curl -s -o /dev/null --max-time 5 http://www.supportxmr.com/
curl -s -o /root/article.txt http://www.example.com/miner.py
grep -c "stratum+tcp" /root/article.txt
exit 0
