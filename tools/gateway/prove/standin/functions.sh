#!/bin/sh
# Stands in for OpenWrt's /lib/functions.sh: what default_postinst and default_prerm do with a package's users, first
# settings and init scripts. Both are given the path of the package's own script.

# shellcheck disable=SC1090,SC2013,SC3043 # it runs scripts of the package, whose paths are words; busybox has local

# `user=uid:group=gid:further=gid`, several of them apart.
add_users() {
	local entry user group further

	for entry in $(sed -n 's/^Require-User: *//p' "/usr/lib/opkg/info/$1.control"); do
		user="${entry%%:*}" further="${entry#*:}"
		group="${further%%:*}" further="${further#"$group"}"
		grep -q "^${group%=*}:" /etc/group || echo "${group%=*}:x:${group#*=}:" >>/etc/group
		grep -q "^${user%=*}:" /etc/passwd ||
			echo "${user%=*}:x:${user#*=}:${group#*=}:${user%=*}:/var/run/${user%=*}:/bin/false" >>/etc/passwd
		further="${further#:}"
		[ -z "$further" ] || sed -i "/^${further%=*}:/{/:${user%=*}\$/!s/\$/${user%=*}/}" /etc/group
	done
}

default_postinst() {
	local name script list

	name=$(basename "${1%.*}") list="/usr/lib/opkg/info/$(basename "${1%.*}").list"
	add_users "$name"
	for script in $(grep '^/etc/uci-defaults/' "$list"); do
		# Its own shell is all that an `exit` in it ends; once it has gone well it is not run again.
		([ -f "$script" ] && cd /etc/uci-defaults && . "$script") && rm -f "$script"
	done
	! grep -q '^/etc/uci-defaults/' "$list" || uci commit
	# In the list's order, which is no order; and whatever becomes of them.
	for script in $(grep '^/etc/init.d/' "$list"); do
		[ "$PKG_UPGRADE" = 1 ] || "$script" enable
		"$script" start
	done
	return 0
}

default_prerm() {
	local script list

	list="/usr/lib/opkg/info/$(basename "${1%.*}").list"
	for script in $(grep '^/etc/init.d/' "$list"); do
		[ "$PKG_UPGRADE" = 1 ] || "$script" disable
		"$script" stop
	done
	return 0
}
