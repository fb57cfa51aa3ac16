# what: an MQTT broker over TLS, with publishers that keep their connection
# packages: mosquitto mosquitto-clients openssl
need mosquitto mosquitto_pub mosquitto_sub openssl
openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 1 -subj "/CN=$SERVER_IP" -addext "subjectAltName=IP:$SERVER_IP" 2>/dev/null
chmod a+r key cert; chmod a+rx .
printf 'listener 8883\nallow_anonymous true\ncertfile %s/cert\nkeyfile %s/key\n' "$WORK" "$WORK" > conf
$SERVER "$(command -v mosquitto)" -c "$WORK/conf" 2> log &
listens 8883
mosquitto_sub -h "$SERVER_IP" -p 8883 --cafile cert -t 'sensors/#' > received &
for n in 1 2 3; do
  (while ((SECONDS < deadline)); do echo "{\"id\":$n,\"temperature\":$RANDOM}"; sleep 0.$((RANDOM % 9 + 1)); done) | mosquitto_pub -h "$SERVER_IP" -p 8883 --cafile cert -t "sensors/$n" -l &
  publishers+=($!)
done
wait "${publishers[@]}"
[[ -s received ]]
