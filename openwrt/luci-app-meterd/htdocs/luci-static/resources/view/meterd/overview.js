'use strict';
'require view';
'require rpc';
'require ui';
'require dom';
'require poll';

/* What is read at present: devices, the worst first, with the last sentence that was said of each; values on demand. */

var ROWS = 50;
var EVERY_S = 5;

var callStatus = rpc.declare({
	object: 'meterd',
	method: 'status',
	params: [ 'sort', 'match', 'from', 'count' ]
});

var callReadings = rpc.declare({
	object: 'meterd',
	method: 'readings',
	params: [ 'device', 'from', 'count' ]
});

var callRead = rpc.declare({
	object: 'meterd',
	method: 'read',
	params: [ 'device' ]
});

function ago(seconds) {
	if (seconds == null)
		return _('never');

	if (seconds >= 2 * 86400)
		return _('%d d').format(seconds / 86400);

	if (seconds >= 2 * 3600)
		return _('%d h').format(seconds / 3600);

	if (seconds >= 2 * 60)
		return _('%d min').format(seconds / 60);

	return _('%d s').format(seconds);
}

function row(kind, cells) {
	return E('tr', { 'class': kind == 'th' ? 'tr table-titles' : 'tr' }, cells.map(function(cell) {
		return E(kind, { 'class': kind }, [ cell ]);
	}));
}

function colour(state) {
	return state == 'good' ? 'color:#2e7d32' : (state == 'stale' || state == 'not_read_yet') ? 'color:#b26a00' : 'color:#c62828';
}

return view.extend({
	handleSaveApply: null,
	handleSave: null,
	handleReset: null,

	match: '',
	from: 0,

	load: function() {
		return this.ask();
	},

	ask: function() {
		return L.resolveDefault(callStatus('state', this.match, this.from, ROWS), {
			ok: false,
			error: _('meterd-ubus does not answer: is it installed, and was rpcd restarted?')
		});
	},

	render: function(status) {
		this.head = E('p', {});
		this.table = E('table', { 'class': 'table' });
		this.lines = E('table', { 'class': 'table' });
		this.show(status);

		poll.add(L.bind(this.refresh, this), EVERY_S);

		return E([], [
			E('h2', {}, [ _('Meters') ]),
			this.head,
			E('div', {}, [
				E('input', {
					'class': 'cbi-input-text',
					'placeholder': _('name, line or state'),
					'change': L.bind(function(ev) {
						this.match = ev.target.value.replace(/[^!-~]/g, '');
						this.from = 0;
						return this.refresh();
					}, this)
				}), ' ',
				E('button', { 'class': 'btn', 'click': ui.createHandlerFn(this, 'page', -ROWS) }, [ _('Previous') ]), ' ',
				E('button', { 'class': 'btn', 'click': ui.createHandlerFn(this, 'page', ROWS) }, [ _('Next') ])
			]),
			this.table,
			E('h3', {}, [ _('Lines') ]),
			this.lines
		]);
	},

	refresh: function() {
		return this.ask().then(L.bind(this.show, this));
	},

	page: function(by) {
		this.from = Math.max(0, (this.last && this.from + by < this.last.matching) ? this.from + by : this.from);
		return this.refresh();
	},

	show: function(status) {
		if (!status.ok) {
			dom.content(this.head, [ E('em', {}, [ status.error ]) ]);
			return;
		}

		this.last = status;
		dom.content(this.head, [
			_('%d devices on %d lines').format(status.devices_all, status.lines_all), ' — ',
			E([], Object.keys(status.states).map(function(state) {
				return E('span', { 'style': colour(state) }, [ '%s %d '.format(state, status.states[state]) ]);
			}))
		]);
		dom.content(this.table, [
			row('th', [ _('Device'), _('State'), _('Signals'), _('Good ago'), _('Line'), _('Last sentence'), '' ])
		].concat(status.devices.map(L.bind(this.deviceRow, this))));
		dom.content(this.lines, [
			row('th', [ _('Line'), _('In use'), _('Devices'), _('Port') ])
		].concat(status.lines.map(function(line) {
			return row('td', [
				line.line, line.load == null ? _('listens') : '%d %%'.format(Math.round(line.load * 100)), String(line.devices),
				line.open ? _('open') : _('closed')
			]);
		})));
	},

	deviceRow: function(device) {
		return row('td', [
			device.device, E('span', { 'style': colour(device.reason) }, [ device.reason ]),
			'%d/%d'.format(device.signals_ok, device.signals), ago(device.last_good_age_s), device.line, device.trouble,
			E('div', { 'class': 'nowrap' }, [
				E('button', { 'class': 'btn', 'click': ui.createHandlerFn(this, 'values', device.device, 0) }, [ _('Values') ]), ' ',
				E('button', { 'class': 'btn', 'click': ui.createHandlerFn(this, 'read', device.device) }, [ _('Read now') ])
			])
		]);
	},

	values: function(alias, from) {
		return callReadings(alias, from, ROWS).then(L.bind(function(answer) {
			if (!answer.ok)
				return this.say(answer.error);

			ui.showModal(alias, [
				E('table', { 'class': 'table' }, [
					row('th', [ _('Signal'), _('Value'), _('Unit'), _('Time'), _('Quality'), _('Why') ])
				].concat(answer.readings.map(function(reading) {
					return row('td', [
						reading.signal, reading.value == null ? '-' : reading.value, reading.unit || '',
						reading.time_ms == null ? '' : new Date(reading.time_ms).toLocaleString(),
						E('span', { 'style': colour(reading.quality) }, [ reading.quality ]), reading.words || ''
					]);
				}))),
				E('p', {}, [ _('%d of %d signals').format(answer.readings.length, answer.signals_all) ]),
				E('div', { 'class': 'right' }, [
					E('button', {
						'class': 'btn',
						'disabled': from + ROWS < answer.signals_all ? null : '',
						'click': ui.createHandlerFn(this, 'values', alias, from + ROWS)
					}, [ _('Next') ]), ' ',
					E('button', { 'class': 'btn', 'click': ui.hideModal }, [ _('Dismiss') ])
				])
			]);
		}, this));
	},

	read: function(alias) {
		return callRead(alias).then(L.bind(function(answer) {
			this.say(answer.ok ? _('%s was read: %d values').format(alias, answer.readings.length) : '%s: %s'.format(alias, answer.error));

			return this.refresh();
		}, this));
	},

	say: function(text) {
		ui.addNotification(null, E('p', {}, [ text ]));
	}
});
