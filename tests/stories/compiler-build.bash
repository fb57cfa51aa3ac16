# A project of thirteen files is compiled by make on both processors, linked, tested and installed.
make -s -C /root/project -j2 install
