# A web server starts a shell that calls curl on its own health page, again and again, as container health checks do.
nginx jobs /etc/nginx.checks
