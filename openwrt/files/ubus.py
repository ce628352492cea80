# What answers a call of the ubus object `meterd`: meterd/cli/ubus.py. This file is compiled anew at each call.
import sys

sys.path.append(f"/usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")
from meterd.gateway.quick_import import install

install()
sys.exit(__import__("meterd.cli.ubus", fromlist=("main",)).main(sys.argv[1]))
