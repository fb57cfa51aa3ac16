# A program whose content is on a list connects to a host whose address is on another.
/root/collector infect 203.0.113.20:443 /root/state 100
