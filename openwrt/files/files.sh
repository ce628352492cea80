#!/bin/sh
# What /etc/init.d/meterd asks about the configuration before there is a daemon: which files there are, which ports they
# name, who disabled what. What is in them only the daemon reads and judges. Sourced by /etc/init.d/meterd.

RUN=/var/run/meterd
# Of root: in a folder of the daemon's own root writes nothing.
OURS=/var/run/meterd-config
COPY="$OURS/meterd"
FOLDERS="/etc/meterd /etc/dlms /etc/iec62056-21 /etc/mbus /etc/elgama"

say() {
	logger -s -t meterd -p daemon.warn "$1"
}

setting() {
	uci -q get "meterd.main.$1"
}

# A slip in /etc/config/meterd: what uci would make of the rest is not what was meant.
broken() {
	[ -e /etc/config/meterd ] && ! uci -q show meterd >/dev/null
}

# Sets FILES. The daemon reads a copy of /etc/config/meterd that is its alone, for passwords are in there, and `uci
# commit` gives the original back to root each time. The others root writes, the daemon's group may read.
find_files() {
	local file

	mkdir -p "$RUN" "$OURS" /etc/meterd
	chmod 0755 "$OURS"
	rm -f "$COPY"
	[ ! -e /etc/config/meterd ] || (umask 0077 && cat /etc/config/meterd >"$COPY" && chown meterd "$COPY")
	chown meterd:dialout "$RUN"
	chmod 0750 "$RUN"
	FILES=$(there "$COPY")
	# shellcheck disable=SC2086 # a list of paths
	chgrp dialout $FOLDERS 2>/dev/null
	broken || for file in /etc/meterd/*.json /etc/dlms/*.json /etc/iec62056-21/*.json /etc/mbus/*.json \
		/etc/elgama/*.json $(setting config); do
		if [ -e "$file" ]; then
			chgrp dialout "$file" 2>/dev/null && chmod g+r "$file" 2>/dev/null
			FILES="$FILES $file"
		elif [ "${file%\*.json}" = "$file" ]; then
			say "$file is not there (list config in /etc/config/meterd): going on without it"
		fi
	done
}

# Why there is nothing for a daemon to do; where something is wrong, it is to say what.
why_not() {
	case "$(setting enabled)" in
	0 | no | off | false | disabled) echo "option enabled of section main is 0 in /etc/config/meterd" ;;
	*)
		[ "${FILES:- $COPY}" != " $COPY" ] || broken ||
			grep -qs "^[[:space:]]*config[[:space:]]*[\"']*device" "$COPY" ||
			echo "no meter is configured, neither in /etc/config/meterd nor in /etc/meterd/*.json"
		;;
	esac
}

# Device nodes that the files name, comments aside.
nodes() {
	# shellcheck disable=SC2086 # a list of paths
	sed 's/^[[:space:]]*#.*//; s/\\\//\//g' $FILES | grep -o '/dev/[A-Za-z0-9/_.:@+-]*' | sort -u
}

# Protocols that the user disabled by their own script (package meterd-wcclite), which leaves a mark; this is never
# concluded from what a package half installed looks like.
disabled() {
	local mark

	for mark in $(there /etc/meterd/disabled/*); do
		[ ! -e "/etc/init.d/${mark##*/}" ] || printf ' %s' "${mark##*/}"
	done
}

# Those of the paths that are there.
there() {
	local path

	for path in "$@"; do
		[ ! -e "$path" ] || printf ' %s' "$path"
	done
}
