#!/usr/bin/python3 -SP
# What procd runs: meterd/cli/service.py. This file is compiled anew at each start, so there is little of it.
# -S: Python's site module would cost a quarter of what Python's own start does, for one line of it.
# -P: nothing beside this file is on the path.
import sys

sys.path.append(f"/usr/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")
from meterd.cli.service import main

sys.exit(main())
