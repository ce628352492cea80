'use strict';
'require baseclass';

/* Made from meterd's parameter tables by `python -m meterd.config.luci_tables`; do not edit. */

return baseclass.extend({
	"protocols": {
		"IEC 62056-21": "iec62056_21",
		"DLMS": "dlms",
		"DLMS/COSEM": "dlms",
		"mbus serial": "mbus",
		"mbus tcp": "mbus",
		"Elgama": "elgama",
		"P1": "p1",
		"DLMS push": "dlms_push"
	},
	"titles": {
		"iec62056_21": "IEC 62056-21",
		"dlms": "DLMS/COSEM",
		"mbus": "M-Bus",
		"elgama": "Elgama",
		"p1": "P1",
		"dlms_push": "DLMS push"
	},
	"device": [
		{
			"name": "name",
			"named": true,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "User-friendly name of the device",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "description",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Description of the device",
					"low": null,
					"high": null,
					"choices": null,
					"default": "",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "device_alias",
			"named": true,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Alphanumeric string to identify the device",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "enable",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "boolean",
					"help": "Enable or disable the device",
					"low": null,
					"high": null,
					"choices": null,
					"default": true,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "protocol",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Protocol to be used",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "poll_delay_ms",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Shortest wait before sending any data on the port, ms",
					"low": 0,
					"high": 3600000,
					"choices": null,
					"default": 200,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"mbus"
					],
					"kind": "integer",
					"help": "Shortest silence on the port before the first request of a meter's scan, ms",
					"low": 0,
					"high": 3600000,
					"choices": null,
					"default": 200,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "scan_rate_ms",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama"
					],
					"kind": "integer",
					"help": "Time frame within which all signals are read once, ms; 0 or less: none, the meter is read again as soon as its line is free",
					"low": null,
					"high": 31622400000,
					"choices": null,
					"default": 10000,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"p1"
					],
					"kind": "integer",
					"help": "How often a telegram is expected, ms: without one for twice as long, values are stale; 0 or less: as the meter has been heard to send",
					"low": null,
					"high": 31622400000,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "integer",
					"help": "How often a list is expected, ms: without one for twice as long, values are stale; 0 or less: as the meter has been heard to send",
					"low": null,
					"high": 31622400000,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "scan_align",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama"
					],
					"kind": "boolean",
					"help": "After the first one scans begin by the clock, at whole multiples of scan_rate_ms from midnight on, local time: 900000 reads at each quarter of an hour",
					"low": null,
					"high": null,
					"choices": null,
					"default": false,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "scan_spread_ms",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama"
					],
					"kind": "integer",
					"help": "With scan_align: lines begin within this time behind the clock's, each at a place of its own, ms",
					"low": 0,
					"high": 3600000,
					"choices": null,
					"default": 1000,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "device",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Communication port: PORT1, PORT2 or the path of a device node",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": true
				}
			]
		},
		{
			"name": "baudrate",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"elgama"
					],
					"kind": "integer",
					"help": "Communication speed, bauds",
					"low": null,
					"high": null,
					"choices": [
						300,
						600,
						1200,
						2400,
						4800,
						9600,
						19200,
						38400,
						57600,
						115200
					],
					"default": 9600,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"mbus"
					],
					"kind": "integer",
					"help": "Communication speed, bauds. M-Bus meters leave the factory at 2400 8E1: set 2400 here",
					"low": null,
					"high": null,
					"choices": [
						300,
						600,
						1200,
						2400,
						4800,
						9600,
						19200,
						38400,
						57600,
						115200
					],
					"default": 9600,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"p1"
					],
					"kind": "integer",
					"help": "Communication speed, bauds",
					"low": null,
					"high": null,
					"choices": [
						300,
						600,
						1200,
						2400,
						4800,
						9600,
						19200,
						38400,
						57600,
						115200
					],
					"default": 115200,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "integer",
					"help": "Communication speed, bauds",
					"low": null,
					"high": null,
					"choices": [
						300,
						600,
						1200,
						2400,
						4800,
						9600,
						19200,
						38400,
						57600,
						115200
					],
					"default": 2400,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "databits",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"p1",
						"dlms_push"
					],
					"kind": "integer",
					"help": "Data bits per character",
					"low": 6,
					"high": 9,
					"choices": null,
					"default": 8,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "integer",
					"help": "Data bits per character; absent: as the profile says",
					"low": 6,
					"high": 9,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "stopbits",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"p1",
						"dlms_push"
					],
					"kind": "integer",
					"help": "Stop bits per character",
					"low": 1,
					"high": 2,
					"choices": null,
					"default": 1,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "integer",
					"help": "Stop bits per character; absent: as the profile says",
					"low": 1,
					"high": 2,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "parity",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"p1"
					],
					"kind": "string",
					"help": "Parity",
					"low": null,
					"high": null,
					"choices": [
						"none",
						"even",
						"odd"
					],
					"default": "none",
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"mbus"
					],
					"kind": "string",
					"help": "Parity. M-Bus meters talk 8E1: set even here",
					"low": null,
					"high": null,
					"choices": [
						"none",
						"even",
						"odd"
					],
					"default": "none",
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "string",
					"help": "Parity; absent: as the profile says",
					"low": null,
					"high": null,
					"choices": [
						"none",
						"even",
						"odd"
					],
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "string",
					"help": "Parity",
					"low": null,
					"high": null,
					"choices": [
						"none",
						"even",
						"odd"
					],
					"default": "even",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "flowcontrol",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Flow control",
					"low": null,
					"high": null,
					"choices": [
						"none"
					],
					"default": "none",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "serialnumber",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "Meter serial number (device address), up to 32 digits, letters and spaces, which count at the ends, too; leading zeros do not count; 0 asks for the only meter on the line",
					"low": 1,
					"high": 32,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				},
				{
					"protocols": [
						"p1"
					],
					"kind": "string",
					"help": "The meter's number (0-0:96.1.1, in plain text), where several share the port or another one must not be taken for it; 0 takes whichever sends",
					"low": null,
					"high": 64,
					"choices": null,
					"default": "0",
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "string",
					"help": "The meter's number as its lists tell it (0.0.96.1.0.255, 1.1.0.0.5.255), or its system title in hex where they are ciphered; 0 takes whichever sends",
					"low": null,
					"high": 64,
					"choices": null,
					"default": "0",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "serial_close_delay",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"mbus",
						"elgama"
					],
					"kind": "integer",
					"help": "Delay before closing the serial port, ms",
					"low": 0,
					"high": 3600000,
					"choices": null,
					"default": 400,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "timeout_ms",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms"
					],
					"kind": "integer",
					"help": "Wait for an answer, ms",
					"low": 1,
					"high": 600000,
					"choices": null,
					"default": 2500,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"mbus"
					],
					"kind": "integer",
					"help": "Wait for an answer beyond the standard's answer time (330 bits + 50 ms), ms",
					"low": 0,
					"high": 60000,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "integer",
					"help": "Wait for an answer, ms",
					"low": 1,
					"high": 600000,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				},
				{
					"protocols": [
						"p1"
					],
					"kind": "integer",
					"help": "Longest gap within a telegram, ms",
					"low": 1,
					"high": 600000,
					"choices": null,
					"default": 2500,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "integer",
					"help": "Longest gap within a list, ms",
					"low": 1,
					"high": 600000,
					"choices": null,
					"default": 2500,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "type",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "Connection mode: A, B or C; B and C follow what the meter identifies, A neither acknowledges nor switches; D: the meter sends its list unasked (2400 baud as a rule), about every scan_rate_ms, and is only listened to",
					"low": null,
					"high": null,
					"choices": [
						"A",
						"B",
						"C",
						"D"
					],
					"default": "C",
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Object referencing: SN short names, LN logical names",
					"low": null,
					"high": null,
					"choices": [
						"SN",
						"LN"
					],
					"default": "SN",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "t2",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Time to wait before acknowledging the suggested baud rate in mode C, ms",
					"low": 200,
					"high": 1500,
					"choices": null,
					"default": 300,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "ip",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "IP address for a TCP connection; serial settings are then ignored, but for serial_server",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": false
				}
			]
		},
		{
			"name": "port",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "integer",
					"help": "TCP port",
					"low": 0,
					"high": 65535,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": false
				}
			]
		},
		{
			"name": "serial_server",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "What answers at ip and port: raw passes bytes as they are; rfc2217 (Telnet COM port control) takes baudrate, databits, stopbits and parity as well, so that speeds are switched as on a line of our own",
					"low": null,
					"high": null,
					"choices": [
						"raw",
						"rfc2217"
					],
					"default": "raw",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "protocol_control_char",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Protocol control character, V of the acknowledgement: 0 normal procedure",
					"low": 0,
					"high": 9,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "mode_control_char",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Mode control character, Y of the acknowledgement: 0 data read-out; 1 programming mode, where each signal without a command of its own is read with R5; 6 to 9 the manufacturer's own read-outs",
					"low": 0,
					"high": 9,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "meter_model",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Meter profile; reserved, should be 1",
					"low": 0,
					"high": null,
					"choices": null,
					"default": 1,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "integer",
					"help": "Meter type: 0 EPQM/LZQM, 1 EPQS, 2 GAMA300, 3 GAMA100, 4 ITS cl",
					"low": 0,
					"high": 4,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "retry_counter",
			"named": false,
			"secret": false,
			"also": [
				"retry_count"
			],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Number of times a failed scan is tried over",
					"low": 0,
					"high": 10,
					"choices": null,
					"default": 2,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Requests before the link counts as lost",
					"low": 1,
					"high": 100,
					"choices": null,
					"default": 3,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"mbus"
					],
					"kind": "integer",
					"help": "Repetitions of a request that was not answered",
					"low": 0,
					"high": 10,
					"choices": null,
					"default": 2,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "integer",
					"help": "Number of times that a request without an answer is sent again",
					"low": 0,
					"high": 10,
					"choices": null,
					"default": 2,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "password",
			"named": false,
			"secret": true,
			"also": [
				"password_file"
			],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "Password of the programming mode (P1); absent: registers are asked for without one",
					"low": null,
					"high": 32,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Password or HLS secret: text, or octets as 0x\u2026",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "string",
					"help": "Password of the meter; no profile has one",
					"low": 1,
					"high": 32,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "password_file",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"elgama"
					],
					"kind": "string",
					"help": "A file that holds it, in place of the parameter itself",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "password_command",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "Command that carries the password: P1, or P2 for a meter that wants its second password so",
					"low": null,
					"high": null,
					"choices": [
						"P1",
						"P2"
					],
					"default": "P1",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "request",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "Request in place of /?serialnumber!, for lists of the manufacturer's own: /2! or /#1; CR LF follows it",
					"low": 2,
					"high": 48,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "answer",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "What answers request: a list in the standard's form, or a bare row of numbers, which a Multical 401 gives to /#1 and which are read as [0], [1] and so on",
					"low": null,
					"high": null,
					"choices": [
						"list",
						"row"
					],
					"default": "list",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "identity_check",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "boolean",
					"help": "Compare serialnumber with what the meter says of itself (0.0.0, C.1.0, identification), and publish nothing of another meter; 0 where its number and its address are two things",
					"low": null,
					"high": null,
					"choices": null,
					"default": true,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"p1",
						"dlms_push"
					],
					"kind": "boolean",
					"help": "Publish nothing of a meter that tells another serialnumber",
					"low": null,
					"high": null,
					"choices": null,
					"default": true,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "block_check",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "Block check character: xor as in the standard, sum of the characters, or auto: the sum from a meter whose blocks show it twice in a row",
					"low": null,
					"high": null,
					"choices": [
						"auto",
						"xor",
						"sum"
					],
					"default": "auto",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "read_baudrate",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Speed of the line behind the sign-on whatever the meter proposes: the same as baudrate keeps it; 0 follows the meter",
					"low": 0,
					"high": null,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "max_baudrate",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Highest speed to acknowledge in mode C, for heads and converters that cannot do more; 0: none",
					"low": 0,
					"high": null,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "tcp_parity",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "Over TCP, parity within 8 bits of a converter in 8N1 before a meter in 7E1: even, odd, none, or auto, which tries both ways where databits is 7",
					"low": null,
					"high": null,
					"choices": [
						"auto",
						"none",
						"even",
						"odd"
					],
					"default": "auto",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "profile_rows",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Rows of a load profile to report when it is seen for the first time",
					"low": 1,
					"high": 65535,
					"choices": null,
					"default": 96,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "integer",
					"help": "Rows of a load profile or log to read when it is seen for the first time",
					"low": 1,
					"high": 65535,
					"choices": null,
					"default": 96,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "wakeup_nuls",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Number of NUL characters sent before the request to wake a battery meter (40 for UH50 and T550)",
					"low": 0,
					"high": 1000,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "wakeup_pause_ms",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Wait between the NUL characters and the request, ms; the standard has 1500 to 1700, UH50 wants none",
					"low": 0,
					"high": 5000,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "baud_change_delay_ms",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "integer",
					"help": "Wait between the acknowledgement and the speed switch, ms, for USB converters that still hold bytes when they say that all are sent",
					"low": 0,
					"high": 1000,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "early_stop",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "boolean",
					"help": "Stop a read-out by a break message once all wanted signals are seen: saves minutes at 300 baud, but the values are then not verified by the block check character",
					"low": null,
					"high": null,
					"choices": null,
					"default": false,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "serial_number",
			"named": false,
			"secret": false,
			"also": [
				"serialnumber"
			],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Meter serial number; makes the server address when given",
					"low": 0,
					"high": null,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "physical_address",
			"named": false,
			"secret": false,
			"also": [
				"server_address"
			],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Meter's physical server address",
					"low": 0,
					"high": 16383,
					"choices": null,
					"default": 1600,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "logical_address",
			"named": false,
			"secret": false,
			"also": [
				"id"
			],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Meter's logical server address",
					"low": 0,
					"high": 65535,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "address_size",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Least size of the server address in bytes; it widens where the numbers need it",
					"low": null,
					"high": null,
					"choices": [
						1,
						2,
						4
					],
					"default": 1,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "client_address",
			"named": false,
			"secret": false,
			"also": [
				"master_address"
			],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Client address: decimal, or hexadecimal as 0x10",
					"low": 0,
					"high": 65535,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "mode",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Handshake: IEC signs on as IEC 62056-21 mode E first; DLMS and DLMS-HDLC start with HDLC; DLMS-WRAPPER is the TCP wrapper",
					"low": null,
					"high": null,
					"choices": [
						"IEC",
						"DLMS",
						"DLMS-HDLC",
						"DLMS-WRAPPER",
						"DLMS--HDLC"
					],
					"default": "DLMS-HDLC",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "transport",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "What carries the wrapper to ip and port: tcp, or udp, which is for mode DLMS-WRAPPER alone",
					"low": null,
					"high": null,
					"choices": [
						"tcp",
						"udp"
					],
					"default": "tcp",
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "string",
					"help": "What carries the wrapper: tcp, or udp, which is for framing wrapper alone",
					"low": null,
					"high": null,
					"choices": [
						"tcp",
						"udp"
					],
					"default": "tcp",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "listen",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms",
						"dlms_push"
					],
					"kind": "boolean",
					"help": "1: the meter connects to meterd, which listens at ip (0.0.0.0: every address of this machine) and port",
					"low": null,
					"high": null,
					"choices": null,
					"default": false,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "caller",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms",
						"dlms_push"
					],
					"kind": "string",
					"help": "With listen, how the meter is known when it calls: its logical device name, number or system title (hex), or the address it calls from, 10.1.2.3, of one wPort behind that 10.1.2.3/17. One that has no such name takes whoever else calls",
					"low": null,
					"high": 64,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "auth",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Authentication",
					"low": null,
					"high": null,
					"choices": [
						"None",
						"Low",
						"High",
						"HighMd5",
						"HighSha1",
						"HighSha256",
						"HighGmac",
						"HighEcdsa"
					],
					"default": "None",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "reconnect_time",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Wait before the meter is tried again after a failure, ms",
					"low": 0,
					"high": 86400000,
					"choices": null,
					"default": 1000,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "server_address_hex",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Server address as it stands on the wire, hex; wins over all other addresses",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "address_formula",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "How serial_number becomes the physical address: SN, numbers, % + - * /, from left to right",
					"low": null,
					"high": null,
					"choices": null,
					"default": "SN % 10000 + 1000",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "max_info_field",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Largest HDLC information field to propose, bytes; 128 with window 1 sends a bare SNRM",
					"low": 32,
					"high": 2030,
					"choices": null,
					"default": 1024,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "window_size",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "HDLC window to propose, frames",
					"low": 1,
					"high": 7,
					"choices": null,
					"default": 1,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "max_pdu_size",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Largest APDU to accept, bytes",
					"low": 64,
					"high": 65535,
					"choices": null,
					"default": 65535,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "conformance",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Conformance block to propose, three octets in hex; without it the usual one and, where the meter refuses it, one without general block transfer and general protection",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "lists",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Many attributes in one request: auto where the meter grants and answers them, yes wherever it grants them, no",
					"low": null,
					"high": null,
					"choices": [
						"auto",
						"yes",
						"no"
					],
					"default": "auto",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "check_invoke_id",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "boolean",
					"help": "Over DLMS-WRAPPER: an answer bears the invoke id of its request; 0 where the meter has one of its own for all",
					"low": null,
					"high": null,
					"choices": null,
					"default": true,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "surplus_octets",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "boolean",
					"help": "Pass over whatever stands behind a value; 0: zeros only, anything else may be the value's rest",
					"low": null,
					"high": null,
					"choices": null,
					"default": false,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "reversed_deviation",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "boolean",
					"help": "The meter tells the deviation of its times from local time to UTC the other way round: 60 for UTC+1, not -60",
					"low": null,
					"high": null,
					"choices": null,
					"default": false,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "keep_open",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "boolean",
					"help": "Leave the association open between scans",
					"low": null,
					"high": null,
					"choices": null,
					"default": false,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "security",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Protection of APDUs: none, authentication, encryption, both",
					"low": null,
					"high": null,
					"choices": [
						"none",
						"authentication",
						"encryption",
						"both"
					],
					"default": "none",
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "security_suite",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Security suite: 0 AES-128, 1 AES-128 with ECDSA P-256, 2 AES-256 with ECDSA P-384",
					"low": 0,
					"high": 2,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "general_ciphering",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "boolean",
					"help": "Wrap requests as general-glo/general-ded instead of service-specific APDUs",
					"low": null,
					"high": null,
					"choices": null,
					"default": false,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "system_title",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "This client's system title, 8 octets as hex; must be unique among the clients that share a key; without it one is made where only a High\u2026 authentication tells it",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "string",
					"help": "System title of a meter that ciphers and does not tell it (events under glo-ciphering), hex; what comes from another is refused",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "meter_title",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "The meter's system title, 8 octets as hex, where it tells none or another than it uses",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "association_object",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Association object that takes the proof of a High\u2026 authentication and holds the object list; without it 0.0.40.0.0.255, and where the meter does not know that, the next up to 0.0.40.0.15.255",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "encryption_key",
			"named": false,
			"secret": true,
			"also": [
				"encryption_key_file"
			],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Global unicast encryption key, hex",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"p1"
					],
					"kind": "string",
					"help": "Key of a meter that ciphers its telegrams, 16 octets in hex; what comes in plain text is then refused",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "string",
					"help": "Key of a meter that ciphers its lists, hex; what comes in plain text is then refused",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "encryption_key_file",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "A file that holds it, in place of the parameter itself",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "authentication_key",
			"named": false,
			"secret": true,
			"also": [
				"authentication_key_file"
			],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Authentication key, hex",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"p1"
					],
					"kind": "string",
					"help": "By which ciphered telegrams are authentic, 16 octets in hex; the default is that of Luxembourg's meters",
					"low": null,
					"high": null,
					"choices": null,
					"default": "00112233445566778899AABBCCDDEEFF",
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "string",
					"help": "By which ciphered lists are authentic, hex; what has no tag is then refused. Without it lists are taken that have none",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "authentication_key_file",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "A file that holds it, in place of the parameter itself",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "dedicated_key",
			"named": false,
			"secret": true,
			"also": [
				"dedicated_key_file"
			],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Dedicated key handed to the meter for the association, hex",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "dedicated_key_file",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "A file that holds it, in place of the parameter itself",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "invocation_counter_obis",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Object that holds the meter's counter for this client; read with the public client before ciphering",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "public_client_address",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Client that may read the invocation counter without keys",
					"low": 0,
					"high": 65535,
					"choices": null,
					"default": 16,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "expect_serial",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "The meter that has to answer: its logical device name (0.0.42.0.0.255) or device number (0.0.96.1.0.255); of another one nothing is published (reason wrong_meter)",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"mbus"
					],
					"kind": "string",
					"help": "Identification of the meter (8 digits, F: any) that must answer at a primary address; another is refused",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "check_identity",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "boolean",
					"help": "Look in each association at what the meter calls itself, hold it against expect_serial, and learn its objects anew where it is another one",
					"low": null,
					"high": null,
					"choices": null,
					"default": true,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"mbus"
					],
					"kind": "boolean",
					"help": "Hold what a meter says of itself against its address, expect_serial and its other telegrams",
					"low": null,
					"high": null,
					"choices": null,
					"default": true,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "private_key",
			"named": false,
			"secret": true,
			"also": [
				"private_key_file"
			],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Private signing key for HighEcdsa: hex or PEM",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "private_key_file",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "A file that holds it, in place of the parameter itself",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "peer_public_key",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "The meter's public signing key or certificate: hex or PEM",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "address",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"mbus"
					],
					"kind": "string",
					"help": "Address of the meter: 0 to 250, 253 (whoever is selected), 254 (the only meter on the line), or 8 or 16 hexadecimal digits of a secondary address (F: any digit)",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "key",
			"named": false,
			"secret": true,
			"also": [
				"key_file"
			],
			"variants": [
				{
					"protocols": [
						"mbus"
					],
					"kind": "string",
					"help": "Key of an encrypted meter (mode 5, AES-128), 32 hexadecimal digits",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "key_file",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"mbus"
					],
					"kind": "string",
					"help": "A file that holds it, in place of the parameter itself",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "address_0",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"mbus"
					],
					"kind": "boolean",
					"help": "Take answers whose address field is 0 for the meter's own",
					"low": null,
					"high": null,
					"choices": null,
					"default": false,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "wake_up_ms",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"mbus"
					],
					"kind": "integer",
					"help": "Length of the preamble that wakes a sleeping meter before each scan, ms (2200 for optical heads); 0: none",
					"low": 0,
					"high": 10000,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "id",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"elgama"
					],
					"kind": "integer",
					"help": "Meter serial number: makes the address by the model's rule, and is compared with the number that the meter itself tells; 0 asks for the only meter on the line",
					"low": 0,
					"high": "9999999999999999",
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "use_time",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"elgama"
					],
					"kind": "boolean",
					"help": "Time that readings are stamped with: 0 the system's, 1 the meter's, read in the same conversation",
					"low": null,
					"high": null,
					"choices": null,
					"default": false,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "profile",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"elgama"
					],
					"kind": "string",
					"help": "Profile to use instead of the meter model's: its name, or the path of a file",
					"low": 1,
					"high": 4095,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "string",
					"help": "What the meter's lists do not say themselves: the name of a profile (kaifa-han, kamstrup-han, \u2026), or the path of a file",
					"low": 1,
					"high": 4095,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "framing",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "string",
					"help": "What lists come in: HDLC frames, the long frames of M-Bus, as on Austrian customer interfaces, or the wrapper of TCP and UDP",
					"low": null,
					"high": null,
					"choices": [
						"HDLC",
						"M-Bus",
						"wrapper"
					],
					"default": "HDLC",
					"tcp": false,
					"serial": false
				}
			]
		}
	],
	"signal": [
		{
			"name": "signal_name",
			"named": true,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "User-friendly name of the signal",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "device_alias",
			"named": true,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Alias of the device it is read from",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "signal_alias",
			"named": true,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Unique alphanumeric name of the signal",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "enable",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "boolean",
					"help": "Enable or disable the signal",
					"low": null,
					"high": null,
					"choices": null,
					"default": true,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "log",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "integer",
					"help": "More than 0: keep the signal in the event log",
					"low": 0,
					"high": null,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "units",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Unit in which the value leaves, as it is after multiply",
					"low": null,
					"high": 32,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "multiply",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Factor; digits are kept exact",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "add",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "What is added after multiply",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "bit_select",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "integer",
					"help": "The one bit of a whole number that leaves, 0 the lowest",
					"low": 0,
					"high": 63,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "suppression_values",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "Values with blanks between, each of which leaves only once it has stood for suppression_time_ms",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "suppression_time_ms",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "integer",
					"help": "How long suppression_values are held back",
					"low": 0,
					"high": 31622400000,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "absolute_threshold",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "A good value leaves only where it differs by so much from the last one that left",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "integral_threshold",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"dlms",
						"mbus",
						"elgama",
						"p1",
						"dlms_push"
					],
					"kind": "string",
					"help": "A good value leaves once its difference from the last one that left, times the seconds it stood, adds up to so much",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "number_type",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21",
						"mbus",
						"elgama",
						"p1"
					],
					"kind": "string",
					"help": "Number format of the value",
					"low": null,
					"high": null,
					"choices": [
						"FLOAT",
						"DOUBLE",
						"DIGITAL",
						"STRING",
						"SIGNED8",
						"SIGNED16",
						"SIGNED32",
						"SIGNED64",
						"UNSIGNED8",
						"UNSIGNED16",
						"UNSIGNED32",
						"UNSIGNED64"
					],
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "job_todo",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "The same as tag_job_todo; or a register to read in programming mode, command and address: R5:1.8.0 (R1, R2, R5, R6; what stands in brackets after the address is sent as it is: R1:0.0.0(10))",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				},
				{
					"protocols": [
						"mbus"
					],
					"kind": "string",
					"help": "Steps before the readout: UD1, UD2, reset, reset=10, baud=9600, bytes to send; empty for REQ_UD2 alone",
					"low": null,
					"high": null,
					"choices": null,
					"default": "",
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "string",
					"help": "What to fetch in one exchange: a name of the profile (an OBIS code, an alias, clock, serial), a raw form (sn:0x0108, ln:1.0.1.8.0.255:2, r5:1.8.0, readout:1.8.0), or several with commas between",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				},
				{
					"protocols": [
						"p1"
					],
					"kind": "string",
					"help": "The same as tag_job_todo, where a table has both",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "tag_job_todo",
			"named": false,
			"secret": false,
			"also": [
				"obis_job"
			],
			"variants": [
				{
					"protocols": [
						"iec62056_21"
					],
					"kind": "string",
					"help": "Address exactly as the meter prints it before the bracket: 1.8.0*24; [n] behind it picks the n-th value of that address, from 0: 1.6.1[1], and [n&m] the m-th part of it: 9.4[0&1]. For a register: the address in the answer. P.01#1.5.0 is a column of a load profile, by code or number, P.01# the whole row",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				},
				{
					"protocols": [
						"mbus"
					],
					"kind": "string",
					"help": "Record: its index from 0, its DIF and VIF bytes, or what it is, such as volume;storage=1;function=max",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				},
				{
					"protocols": [
						"elgama"
					],
					"kind": "string",
					"help": "Which item of job_todo feeds the signal; name#n its n-th field, from 1 (of a load profile: its column, or name#OBIS code), name:n attribute n of the object; clock and serial are always there",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				},
				{
					"protocols": [
						"p1"
					],
					"kind": "string",
					"help": "Address as the telegram has it (1-0:1.8.1, or 1.8.1 alone), with [n] its n-th group; or gas, water, heat, cold, electricity: the last value of that meter behind this one, whichever channel it is on, with its own time",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "short_name",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Short name (base name) to read; 0 where only obis_job says what to read",
					"low": 0,
					"high": 65535,
					"choices": null,
					"default": 0,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "obis_job",
			"named": false,
			"secret": false,
			"also": [
				"tag_job_todo"
			],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "OBIS code with an optional attribute index, such as 1.0.1.8.0.255:2; registers are scaled",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "string",
					"help": "OBIS code with an optional attribute index, as in the list: 1.0.1.8.0.255, or 1-0:1.8.0*255",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": true,
					"serial": true
				}
			]
		},
		{
			"name": "class_id",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Interface class of the object, where it is known; saves reading the object list",
					"low": 1,
					"high": 65535,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "column",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "string",
					"help": "Column of a profile buffer: its OBIS code with an optional :attribute, or its number from 1; without it the signal carries whole rows",
					"low": null,
					"high": null,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "scaler",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Power of ten of the value where the meter does not tell it (the register's scaler_unit cannot be read); what the meter tells comes first",
					"low": -64,
					"high": 64,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				},
				{
					"protocols": [
						"dlms_push"
					],
					"kind": "integer",
					"help": "Power of ten of the value where the list does not tell it; what the list tells comes first, what a profile says last",
					"low": -64,
					"high": 64,
					"choices": null,
					"default": null,
					"tcp": false,
					"serial": false
				}
			]
		},
		{
			"name": "profile_rows",
			"named": false,
			"secret": false,
			"also": [],
			"variants": [
				{
					"protocols": [
						"dlms"
					],
					"kind": "integer",
					"help": "Rows of a profile to read when it is seen for the first time",
					"low": 1,
					"high": 65535,
					"choices": null,
					"default": 96,
					"tcp": false,
					"serial": false
				}
			]
		}
	]
});
