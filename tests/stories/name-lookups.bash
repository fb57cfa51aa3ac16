# A client of a content delivery network resolves 100 names of one domain within a short time. Most names consist of
# words and numbers, and some are hexadecimal.
/opt/story/names.py </root/names
getent hosts www.example.com >/dev/null
curl -s -o /dev/null http://www.example.com/throttle.py
