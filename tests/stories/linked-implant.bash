# A script fetches a program into a hidden directory and writes nothing to the places that people look at: the cron job
# and the preload list are symbolic links, and the program is run through a hard link. Nobody is logged in.
sh /srv/link.sh
