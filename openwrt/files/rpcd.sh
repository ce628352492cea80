#!/bin/sh
# The ubus object `meterd`, as rpcd's plugin: what may be called with which arguments, and what answers a call.
# A text stands for an argument that is text, a number for a whole number, `false` for yes or no.

case "$1" in
list)
	echo '{"status":{"sort":"text","match":"text","line":"text","from":32,"count":32},"readings":{"device":"text","from":32,"count":32},"read":{"device":"text"},"scan":{"place":"text","stop":false}}'
	;;
call)
	exec /usr/bin/python3 -SP /usr/lib/meterd/ubus "$2"
	;;
esac
