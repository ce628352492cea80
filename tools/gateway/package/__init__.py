"""What goes into which package, and the packages as opkg reads them.

imports, packages: the contents · ipk: the format, and the index of a feed · mini_opkg: checked and installed.
"""
