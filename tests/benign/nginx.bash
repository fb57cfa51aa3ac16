# what: nginx on another host, under wrk
# packages: nginx-light wrk
need wrk
nginx=$(command -v nginx || echo /usr/sbin/nginx)
[[ -x $nginx ]] || not_run "nginx is not installed"
mkdir -p www; head -c 4K /dev/zero > www/index.html; chmod -R a+rX .
printf 'daemon off; pid %s/pid; error_log stderr; events {} http { access_log off; server { listen 8080; root %s/www; } }' "$WORK" "$WORK" > conf
$SERVER "$nginx" -c "$WORK/conf" 2> log &
listens 8080
wrk -t1 -c20 -d"${LENGTH}s" "http://$SERVER_IP:8080/" > /dev/null
