'use strict';
'require view';
'require fs';
'require dom';
'require poll';

/* What meterd wrote into the system log, the newest first. */

var MOST = 500;

return view.extend({
	handleSaveApply: null,
	handleSave: null,
	handleReset: null,

	match: '',

	load: function() {
		return L.resolveDefault(fs.exec_direct('/sbin/logread', [ '-e', 'meterd' ]), '');
	},

	render: function(text) {
		this.lines = E('pre', { 'style': 'white-space:pre-wrap' });
		this.show(text);
		poll.add(L.bind(function() { return this.load().then(L.bind(this.show, this)) }, this), 5);

		return E([], [
			E('h2', {}, [ _('Log') ]),
			E('input', {
				'class': 'cbi-input-text',
				'placeholder': _('only lines with this text'),
				'keyup': L.bind(function(ev) {
					this.match = ev.target.value.toLowerCase();
					this.show(this.text);
				}, this)
			}),
			this.lines
		]);
	},

	show: function(text) {
		var match = this.match;

		this.text = text || '';

		var lines = this.text.split('\n').filter(function(line) {
			return line && line.toLowerCase().indexOf(match) >= 0;
		});

		dom.content(this.lines, [ lines.slice(-MOST).reverse().join('\n') || _('Nothing yet.') ]);
	}
});
