'use strict';
'require view';
'require form';
'require uci';
'require meterd.tables as tables';
'require meterd.fields as fields';

/* The service, its ports and the devices. Every field of a device comes from the tables. */

var LINE = [
	'device', 'baudrate', 'databits', 'stopbits', 'parity', 'flowcontrol', 'serial_close_delay', 'ip', 'port', 'transport',
	'serial_server'
];
var GENERAL = [ 'name', 'description', 'device_alias', 'enable' ];

function formValue(option, section_id, name) {
	var found = option.map.lookupOption(name, section_id, 'meterd');

	return found ? found[0].formvalue(found[1]) : uci.get('meterd', section_id, name);
}

function protocol(option, section_id) {
	return fields.protocolOf(formValue(option, section_id, 'protocol'));
}

function overTcp(option, section_id) {
	return !!formValue(option, section_id, 'ip');
}

function tabOf(parameter) {
	if (GENERAL.indexOf(parameter.name) >= 0)
		return 'general';

	if (LINE.indexOf(parameter.name) >= 0)
		return 'line';

	return parameter.secret ? 'secrets' : 'more';
}

return view.extend({
	load: function() {
		return uci.load('meterd');
	},

	render: function() {
		var m = new form.Map('meterd', _('Devices'),
			_('Meters and how they are reached. What is saved here takes effect without stopping what did not change.'));

		this.renderService(m);
		this.renderPorts(m);
		this.renderDevices(m);

		return m.render();
	},

	renderService: function(m) {
		var s = m.section(form.NamedSection, 'main', 'meterd', _('Service')), o;

		o = s.option(form.Flag, 'enabled', _('Enabled'));
		o.rmempty = false;

		o = s.option(form.Value, 'log_level', _('Log level'), _('0: emergencies only, 5: notices, 7: every byte on the wire'));
		o.datatype = 'range(0,7)';
		o.placeholder = '5';
		o.optional = true;
	},

	renderPorts: function(m) {
		var s = m.section(form.TableSection, 'port', _('Ports'), _('Which device node each port name stands for.')), o;

		s.anonymous = false;
		s.addremove = true;

		o = s.option(form.Value, 'node', _('Device node'));
		o.rmempty = false;
		o.placeholder = '/dev/ttyUSB0';
	},

	renderDevices: function(m) {
		var s = m.section(form.GridSection, 'device', _('Devices')), o;

		s.anonymous = false;
		s.addremove = true;
		s.nodescriptions = true;
		s.tab('general', _('Meter'));
		s.tab('line', _('Line'));
		s.tab('secrets', _('Passwords and keys'));
		s.tab('more', _('Further'));

		this.renderProtocol(s);

		o = s.taboption('general', form.DummyValue, '_place', _('Reached at'));
		o.modalonly = false;
		o.textvalue = function(section_id) {
			var ip = uci.get('meterd', section_id, 'ip');

			return ip ? '%h:%h'.format(ip, uci.get('meterd', section_id, 'port') || '?')
				: '%h'.format(uci.get('meterd', section_id, 'device') || '-');
		};

		tables.device.forEach(function(parameter) {
			if (parameter.name == 'protocol')
				return;

			var field = fields.add(s, tabOf(parameter), parameter, protocol, overTcp);

			fields.protocolsOf(parameter).forEach(function(each) {
				fields.spellingsOf(each).forEach(function(spelling) {
					field.depends('protocol', spelling);
				});
			});
		});
	},

	renderProtocol: function(s) {
		var o = s.taboption('general', form.ListValue, 'protocol', _('Protocol')),
		    names = Object.keys(tables.protocols), variants = [ { kind: 'string', choices: names, protocols: [] } ];

		names.forEach(function(name) { o.value(name) });
		o.rmempty = false;
		o.load = function(section_id) {
			var found = fields.spelled(variants, uci.get('meterd', section_id, 'protocol'));

			if (found != null && this.keylist.indexOf(found) < 0)
				this.value(found, _('%s (not allowed)').format(found));

			return found;
		};
		o.validate = function(section_id, value) {
			return fields.protocolOf(value) ? true : _('allowed: %s').format(names.join(', '));
		};
	}
});
