# An installed program fetches its new version beside itself, checks it, puts it in its own place and starts it.
/opt/app/update
