#!/bin/sh
# What the protocols' init scripts share: each action goes to the one daemon, through its control socket.
# Sourced by /etc/init.d/{dlms,iec62056-21,mbus,elgama}, which set PROTOCOL.

# shellcheck disable=SC2034 # rc.common reads it
EXTRA_COMMANDS="status"

start() {
	# While packages are installed the daemon comes last, and starts every enabled protocol by itself.
	[ -z "$PKG_ROOT" ] || [ -e /var/run/meterd/control.sock ] || return 0
	/usr/bin/meterd start "$PROTOCOL"
}

stop() {
	[ -z "$PKG_ROOT" ] || return 0
	/usr/bin/meterd stop "$PROTOCOL"
}

restart() {
	stop
	start
}

reload() {
	/etc/init.d/meterd reload
}

status() {
	/usr/bin/meterd status "$PROTOCOL"
}

# The daemon starts every configured protocol by itself; its own script tells it which are disabled.
boot() {
	:
}
