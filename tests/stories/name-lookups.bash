# A client of a content network asks for 100 names below one domain in short time: words and numbers as people give them, and
# some hexadecimal ones.
/opt/story/names.py </root/names
getent hosts www.example.com >/dev/null
curl -s -o /dev/null http://www.example.com/throttle.py
