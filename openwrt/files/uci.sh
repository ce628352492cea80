#!/bin/sh
# /etc/config/meterd as JSON: `device` and `signal` sections become the two lists of the configuration, option for
# option under the same names, `port` sections its "ports", `publish` sections its "publish". Values stay text, as the
# tables that judge them accept it; only the sections that the tables do not know are validated here.
# Sourced by /etc/init.d/meterd after rc.common, whose functions it uses.

# shellcheck disable=SC2034,SC2317 # what is set and called back here is used by rc.common and the init script

METERD_DEFAULT_KEPT=/etc/meterd/state
METERD_CANNOT="not started"

meterd_say() {
	logger -s -t meterd -p daemon.warn "$1"
}

validate_main() {
	uci_load_validate meterd meterd "$1" "$2" \
		'enabled:bool:1' \
		'log_level:range(0, 7):5' \
		"state:string:$METERD_DEFAULT_KEPT" \
		'config:list(string)'
}

validate_port() {
	uci_load_validate meterd port "$1" "$2" \
		'node:string'
}

# VALUE as a JSON string. Most values need no escape, and a process for each would take its time on a slow machine.
json_text() {
	case "$1" in
	*[\\\"[:cntrl:]]*)
		printf '"%s"' "$(printf '%s' "$1" | tr '\n\t' '  ' | sed 's/[\\"]/\\&/g; s/[[:cntrl:]]//g')"
		;;
	*) printf '"%s"' "$1" ;;
	esac
}

use_main() {
	[ "$2" = 0 ] || {
		meterd_say "$METERD_CANNOT: /etc/config/meterd, section $1: see the line above"
		METERD_BROKEN=1
	}
	# shellcheck disable=SC2154 # set by uci_load_validate
	METERD_ENABLED="$enabled" METERD_LOG_LEVEL="$log_level" METERD_CONFIG="$config" METERD_KEPT="$state"
}

use_port() {
	# shellcheck disable=SC2154 # set by uci_load_validate
	if [ "$2" = 0 ] && [ -n "$node" ]; then
		METERD_NODES="$METERD_NODES $node"
		METERD_PORTS="$METERD_PORTS${METERD_PORTS:+,}$(json_text "$1"):$(json_text "$node")"
	else
		meterd_say "port $1 is left out: /etc/config/meterd gives it no option node"
	fi
}

# rc.common calls these back: once for each section, then once for each of its options, and once more at the end.
meterd_section() {
	meterd_end_section
	METERD_SECTION="$1"
	METERD_NAME="$2"
	METERD_OPTIONS=""
}

meterd_option() {
	case "$METERD_SECTION" in
	device | signal | publish) ;;
	*) return 0 ;;
	esac
	METERD_OPTIONS="$METERD_OPTIONS,$(json_text "$1"):$(json_text "$2")"
	case "$METERD_SECTION $1 $2" in
	"device device /"*) METERD_NODES="$METERD_NODES $2" ;;
	esac
}

meterd_list() {
	[ "$METERD_SECTION" != main ] || return 0
	[ "$METERD_SECTION" = meterd ] || meterd_say "$METERD_SECTION $METERD_NAME: list $1 is left out: only options count"
}

# `name` for a device or signal that has no option of that name: the section's own, unless UCI made that up (cfg and
# six hexadecimal digits).
meterd_default() {
	case "$METERD_OPTIONS" in *",\"$1\":"*) return 0 ;; esac
	case "$METERD_NAME" in
	"" | cfg[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) ;;
	*) METERD_OPTIONS="$METERD_OPTIONS,\"$1\":$(json_text "$METERD_NAME")" ;;
	esac
}

meterd_end_section() {
	case "$METERD_SECTION" in
	device)
		meterd_default device_alias
		meterd_default name
		METERD_DEVICES=$((METERD_DEVICES + 1))
		printf '{%s},\n' "${METERD_OPTIONS#,}" >>"$METERD_TARGET.device"
		;;
	signal)
		meterd_default signal_alias
		meterd_default signal_name
		printf '{%s},\n' "${METERD_OPTIONS#,}" >>"$METERD_TARGET.signal"
		;;
	publish)
		# `config publish 'main'` holds what is not a sink's own.
		case "$METERD_NAME" in
		main) METERD_PUBLISH="$METERD_PUBLISH$METERD_OPTIONS" ;;
		*) METERD_PUBLISH="$METERD_PUBLISH,$(json_text "$METERD_NAME"):{${METERD_OPTIONS#,}}" ;;
		esac
		;;
	meterd | port | "") ;;
	*) meterd_say "section $METERD_SECTION $METERD_NAME of /etc/config/meterd is left out: meterd, port, device, signal or publish" ;;
	esac
	METERD_SECTION=""
}

# Writes /etc/config/meterd to the file $1 as JSON and sets METERD_ENABLED, METERD_LOG_LEVEL, METERD_CONFIG (further
# files), METERD_KEPT (folder of what survives a restart), METERD_NODES (serial ports) and METERD_DEVICES (how many).
# Fails, having said why with METERD_CANNOT before it, on a broken UCI file: then METERD_BROKEN is set, and the file $1
# is as it was, for the daemon may be at work with it.
uci_to_json() {
	METERD_TARGET="$1" METERD_SECTION="" METERD_NAME="" METERD_OPTIONS=""
	METERD_PORTS="" METERD_NODES="" METERD_PUBLISH="" METERD_DEVICES=0
	METERD_ENABLED=1 METERD_LOG_LEVEL=5 METERD_CONFIG="" METERD_KEPT="$METERD_DEFAULT_KEPT" METERD_BROKEN=""

	rm -f "$METERD_TARGET.new" "$METERD_TARGET.device" "$METERD_TARGET.signal"
	# Passwords may be in it.
	umask 0077
	touch "$METERD_TARGET.device" "$METERD_TARGET.signal" || {
		meterd_say "not started: cannot write to ${METERD_TARGET%/*}"
		return 1
	}
	config_cb() { meterd_section "$@"; }
	option_cb() { meterd_option "$@"; }
	list_cb() { meterd_list "$@"; }
	# Without the file there is nothing to load: JSON files alone are enough.
	[ ! -e /etc/config/meterd ] || config_load meterd || {
		# config_load keeps to itself what is wrong, so the file is read once more for the reason.
		meterd_say "$METERD_CANNOT: /etc/config/meterd: $(uci show meterd 2>&1 >/dev/null | head -n 1)"
		METERD_BROKEN=1
		rm -f "$METERD_TARGET.device" "$METERD_TARGET.signal"
		return 1
	}
	meterd_end_section
	reset_cb
	config_foreach validate_main meterd use_main
	config_foreach validate_port port use_port
	[ -z "$METERD_BROKEN" ] || {
		rm -f "$METERD_TARGET.device" "$METERD_TARGET.signal"
		return 1
	}
	{
		printf '{"ports":{%s},"publish":{%s},\n"devices":[\n' "$METERD_PORTS" "${METERD_PUBLISH#,}"
		sed '$s/,$//' "$METERD_TARGET.device"
		printf '],\n"signals":[\n'
		sed '$s/,$//' "$METERD_TARGET.signal"
		printf ']}\n'
	} >"$METERD_TARGET.new" || {
		meterd_say "not started: cannot write $METERD_TARGET"
		return 1
	}
	mv "$METERD_TARGET.new" "$METERD_TARGET"
	rm -f "$METERD_TARGET.device" "$METERD_TARGET.signal"
}
