'use strict';
'require view';
'require rpc';
'require ui';
'require uci';
'require dom';
'require poll';

/* The search for meters at a port, and what it found, ready to be taken into the configuration. */

var callScan = rpc.declare({
	object: 'meterd',
	method: 'scan',
	params: [ 'place', 'stop' ]
});

function sectionName(alias) {
	return String(alias).replace(/[^A-Za-z0-9_]/g, '_');
}

return view.extend({
	handleSaveApply: null,
	handleSave: null,
	handleReset: null,

	load: function() {
		return Promise.all([ callScan(), uci.load('meterd') ]);
	},

	render: function(data) {
		var nodes = uci.sections('meterd', 'port').map(function(port) { return port.node });

		(data[0].ports || []).forEach(function(node) {
			if (nodes.indexOf(node) < 0)
				nodes.push(node);
		});

		this.place = E('input', { 'class': 'cbi-input-text', 'list': 'meterd-ports', 'placeholder': '/dev/ttyUSB0, 192.0.2.7:4059' });
		this.state = E('p', {});
		this.said = E('pre', { 'style': 'white-space:pre-wrap' });
		this.result = E('div', {});
		this.show(data[0]);
		poll.add(L.bind(this.refresh, this), 2);

		return E([], [
			E('h2', {}, [ _('Scan') ]),
			E('p', {}, [ _('Finds by itself which meters are at a port, at the usual speeds, formats and addresses, and what each has. A port that meterd reads at present is busy: stop the service first.') ]),
			E('datalist', { 'id': 'meterd-ports' }, nodes.map(function(node) { return E('option', { 'value': node }) })),
			this.place, ' ',
			E('button', { 'class': 'btn cbi-button-action', 'click': ui.createHandlerFn(this, 'start') }, [ _('Scan') ]), ' ',
			E('button', { 'class': 'btn', 'click': ui.createHandlerFn(this, 'stop') }, [ _('Stop') ]),
			this.state, this.result, this.said
		]);
	},

	start: function() {
		return callScan(this.place.value.trim(), false).then(L.bind(this.show, this));
	},

	stop: function() {
		return callScan('', true).then(L.bind(this.show, this));
	},

	refresh: function() {
		return callScan().then(L.bind(this.show, this));
	},

	show: function(answer) {
		if (!answer.ok) {
			dom.content(this.state, [ E('em', {}, [ answer.error ]) ]);
			return;
		}

		dom.content(this.said, [ answer.said || '' ]);

		if (answer.running)
			dom.content(this.state, [ E('em', { 'class': 'spinning' }, [ _('Looking at %s …').format(answer.place) ]) ]);
		else
			dom.content(this.state, [ answer.place ? _('The search at %s is over.').format(answer.place) : '' ]);

		if (answer.found !== this.found) {
			this.found = answer.found;
			dom.content(this.result, this.renderFound(answer.found));
		}
	},

	renderFound: function(text) {
		var site = null;

		try { site = JSON.parse(text) } catch (e) { /* none was found, or it was stopped */ }

		if (!site || !(site.devices || []).length)
			return [];

		return [
			E('ul', {}, site.devices.map(function(device) {
				var signals = (site.signals || []).filter(function(signal) { return signal.device_alias == device.device_alias });

				return E('li', {}, [ _('%s (%s): %d signals').format(device.device_alias, device.protocol, signals.length) ]);
			})),
			E('button', { 'class': 'btn cbi-button-add', 'click': ui.createHandlerFn(this, 'take', site) }, [ _('Add to the configuration') ])
		];
	},

	/* Devices and signals as sections of UCI; whatever has a name that is taken is left out and said. */
	take: function(site) {
		var taken = [], added = 0;

		[ [ 'device', site.devices, 'device_alias' ], [ 'signal', site.signals || [], null ] ].forEach(function(kind) {
			kind[1].forEach(function(found) {
				var name = sectionName(kind[2] ? found[kind[2]] : '%s_%s'.format(found.device_alias, found.signal_alias));

				if (uci.get('meterd', name)) {
					taken.push(name);
					return;
				}

				uci.add('meterd', kind[0], name);
				added++;

				for (var option in found)
					if (found[option] != null && typeof(found[option]) != 'object')
						uci.set('meterd', name, option, typeof(found[option]) == 'boolean' ? (found[option] ? '1' : '0') : String(found[option]));
			});
		});

		return uci.save().then(L.bind(ui.changes.init, ui.changes)).then(function() {
			var text = _('%d sections were added; Save & Apply above puts them in force.').format(added);

			if (taken.length)
				text += ' ' + _('There already, and left as they are: %s.').format(taken.join(', '));

			ui.addNotification(null, E('p', {}, [ text ]));
		});
	}
});
