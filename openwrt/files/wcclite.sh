#!/bin/sh
# What the protocols' init scripts share: each action goes to the one daemon, through its control socket.
# Sourced by /etc/init.d/{dlms,iec62056-21,mbus,elgama}, which set PROTOCOL and START.

# shellcheck disable=SC2034 # rc.common reads it
EXTRA_COMMANDS="status running"
MARK="$IPKG_INSTROOT/etc/meterd/disabled/$PROTOCOL"
# Seconds that a daemon which was started just now may take until it answers.
PATIENCE=5

# The daemon starts every protocol by itself, but for those that are marked.
enable() {
	rm -f "$MARK"
	ln -sf "../init.d/$PROTOCOL" "$IPKG_INSTROOT/etc/rc.d/S$START$PROTOCOL"
}

disable() {
	mkdir -p "${MARK%/*}"
	: >"$MARK"
	rm -f "$IPKG_INSTROOT/etc/rc.d/S$START$PROTOCOL"
}

start() {
	local waited=0

	[ -e /var/run/meterd-config/started ] || {
		echo "$PROTOCOL: meterd does not run; once it does, it reads these meters too (/etc/init.d/meterd start)" >&2
		return 1
	}
	while [ ! -S /var/run/meterd/control.sock ] && [ "$waited" -lt "$PATIENCE" ]; do
		sleep 1
		waited=$((waited + 1))
	done
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

running() {
	status >/dev/null 2>&1
}

boot() {
	:
}
