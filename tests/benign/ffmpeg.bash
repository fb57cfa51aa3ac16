# what: a video being encoded
# packages: ffmpeg
need ffmpeg
for_a_while ffmpeg -loglevel error -f lavfi -i testsrc2=size=1280x720:rate=30 -c:v libx264 -f null -
