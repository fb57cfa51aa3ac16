# An update script fetches the new version of a program into the directory of the old one, checks it, replaces the old
# version and starts the new one.
/opt/app/update
