# Two workers of a build service log in to their server and take jobs. The messages are JSON lines, with the words
# "login", "job", "blob", "target" and "submit" in another meaning than in mining.
/opt/builder/worker builder-1 &
/opt/builder/worker builder-2 &
wait
