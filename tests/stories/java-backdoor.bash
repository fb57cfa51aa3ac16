# An exploited Java service starts a shell, which fetches a script. The script allows an SSH key, waits ten seconds and
# runs a miner under the name of a Java program from a hidden directory. The miner's only connection is encrypted.
/opt/app/jre/bin/java jobs /run/requests
sleep 26
