'use strict';
'require view';
'require form';
'require uci';
'require dom';
'require meterd.tables as tables';
'require meterd.fields as fields';

/* The signals, those of one device at a time where there are many. Every field comes from the tables. */

var MANY = 100;
var GENERAL = [ 'signal_name', 'signal_alias', 'enable', 'number_type', 'job_todo', 'tag_job_todo', 'log' ];

function aliasOf(section) {
	return section.device_alias || section['.name'];
}

function protocolOfDevice(alias) {
	var found = uci.sections('meterd', 'device').filter(function(section) { return aliasOf(section) == alias })[0];

	return found ? fields.protocolOf(found.protocol) : null;
}

function protocol(option, section_id) {
	var found = option.map.lookupOption('device_alias', section_id, 'meterd'),
	    alias = found ? found[0].formvalue(found[1]) : uci.get('meterd', section_id, 'device_alias');

	return protocolOfDevice(alias);
}

/* What a signal needs hangs on no transport: the tables have the same in both columns. */
function overTcp() {
	return true;
}

return view.extend({
	load: function() {
		return uci.load('meterd');
	},

	render: function() {
		var m = new form.Map('meterd', _('Signals'), _('What is read of each device.')),
		    s = m.section(form.GridSection, 'signal'), signals = uci.sections('meterd', 'signal'), aliases = this.aliases();

		this.only = (signals.length > MANY) ? aliases[0] : null;
		s.anonymous = false;
		s.addremove = true;
		s.nodescriptions = true;
		s.filter = L.bind(function(section_id) {
			return !this.only || uci.get('meterd', section_id, 'device_alias') == this.only;
		}, this);
		s.tab('general', _('Signal'));
		s.tab('more', _('Further'));

		this.renderDevice(s, aliases);
		tables.signal.forEach(L.bind(this.renderField, this, s, aliases));

		return m.render().then(L.bind(function(node) {
			return E([], [ this.renderChoice(m, aliases), node ]);
		}, this));
	},

	/* Devices of this file, and those that signals name and other files may have. */
	aliases: function() {
		var found = uci.sections('meterd', 'device').map(aliasOf);

		uci.sections('meterd', 'signal').forEach(function(section) {
			if (section.device_alias && found.indexOf(section.device_alias) < 0)
				found.push(section.device_alias);
		});

		return found;
	},

	renderDevice: function(s, aliases) {
		var o = s.taboption('general', form.ListValue, 'device_alias', _('Device'));

		aliases.forEach(function(alias) { o.value(alias) });
		o.rmempty = false;
		o.validate = function(section_id, value) {
			return value ? true : _('must be given');
		};
	},

	renderField: function(s, aliases, parameter) {
		if (parameter.name == 'device_alias')
			return;

		var tab = GENERAL.indexOf(parameter.name) >= 0 ? 'general' : 'more',
		    field = fields.add(s, tab, parameter, protocol, overTcp), having = fields.protocolsOf(parameter);

		/* Neither true nor false: in the table and in the dialog. */
		if ([ 'job_todo', 'tag_job_todo', 'number_type' ].indexOf(parameter.name) >= 0)
			field.modalonly = null;

		aliases.forEach(function(alias) {
			var each = protocolOfDevice(alias);

			/* Of a device that another file has it is not known which of the fields are its own. */
			if (each == null || having.indexOf(each) >= 0)
				field.depends('device_alias', alias);
		});

		/* None has it: without any condition it would always be shown. No alias is a blank. */
		if (!field.deps.length)
			field.depends('device_alias', ' ');
	},

	renderChoice: function(m, aliases) {
		var all = E('option', { 'value': '', 'selected': this.only ? null : '' }, [ _('all devices') ]),
		    options = aliases.map(L.bind(function(alias) {
		    	return E('option', { 'value': alias, 'selected': alias == this.only ? '' : null }, [ alias ]);
		    }, this));

		return E('div', { 'class': 'cbi-section' }, [
			E('label', {}, [ _('Show the signals of'), ' ' ]),
			E('select', {
				'class': 'cbi-input-select',
				'change': L.bind(function(ev) {
					this.only = ev.target.value || null;
					return m.load().then(L.bind(m.reset, m));
				}, this)
			}, [ all ].concat(options))
		]);
	}
});
