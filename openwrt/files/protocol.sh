#!/bin/sh
# What the protocols' init scripts share: each action goes to the one daemon, through its control socket.
# Sourced by /etc/init.d/{dlms,iec62056-21,mbus,elgama}, which set PROTOCOL.

# shellcheck disable=SC2034 # rc.common reads it
EXTRA_COMMANDS="status"

start() {
	/usr/bin/meterd start "$PROTOCOL"
}

stop() {
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

# The daemon starts every configured protocol by itself; its own script stops those that are disabled.
boot() {
	:
}
