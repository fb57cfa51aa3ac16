# A web site in PHP fetches a video that a user named, with a shell and curl. Then it starts a shell with ffmpeg, which
# converts the video and keeps one processor busy for 72 seconds.
# Raise the priority, so that a busy machine does not slow the program down.
export BASH_ENV=/opt/story/act.bash
[ ! -e /proc/self/autogroup ] || echo -15 >/proc/self/autogroup
nice -n -15 /usr/sbin/php-fpm8.2
