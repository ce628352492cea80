'use strict';
'require baseclass';
'require form';
'require uci';
'require meterd.tables as tables';

/* Form fields made from meterd's parameter tables (tables.js): widget, choices, range, default, help and what a field
   depends on. A field stands for one parameter of all protocols that have it; which row of which table holds is looked
   up when a value is checked. What a file says in its own spelling stays so until somebody chooses something else. */

var YES = [ '1', 'true', 'yes', 'on' ];
var NO = [ '0', 'false', 'no', 'off' ];

function protocolOf(spelling) {
	var wanted = String(spelling || '').trim().replace(/\s+/g, ' ').toLowerCase();

	for (var name in tables.protocols)
		if (name.toLowerCase() == wanted)
			return tables.protocols[name];

	return null;
}

function spelled(variants, value) {
	if (typeof(value) != 'string')
		return value;

	var text = value.trim().toLowerCase();

	for (var i = 0; i < variants.length; i++) {
		var row = variants[i];

		if (row.kind == 'boolean' && YES.indexOf(text) >= 0)
			return '1';

		if (row.kind == 'boolean' && NO.indexOf(text) >= 0)
			return '0';

		for (var j = 0; j < (row.choices || []).length; j++)
			if (String(row.choices[j]).toLowerCase() == text)
				return String(row.choices[j]);
	}

	return value;
}

function allowed(row) {
	var integer = (row.kind == 'integer');

	if (row.choices)
		return _('one of %s').format(row.choices.join(', '));

	if (row.kind == 'boolean')
		return _('0 or 1');

	if (row.low != null && row.high != null)
		return (integer ? _('a whole number, %s to %s') : _('text, %d to %d characters')).format(row.low, row.high);

	if (row.low != null)
		return (integer ? _('a whole number, at least %s') : _('text, at least %d characters')).format(row.low);

	if (row.high != null)
		return (integer ? _('a whole number, at most %s') : _('text, at most %d characters')).format(row.high);

	return integer ? _('a whole number') : _('text');
}

function fits(row, value) {
	var text = value.trim(), size = text.length;

	if (row.choices)
		return row.choices.map(function(choice) { return String(choice).toLowerCase() }).indexOf(text.toLowerCase()) >= 0;

	if (row.kind == 'boolean')
		return YES.concat(NO).indexOf(text.toLowerCase()) >= 0;

	if (row.kind == 'integer') {
		if (/^0x[0-9a-f]+$/i.test(text))
			size = BigInt(text);
		else if (/^[+-]?[0-9]+([.,]0*)?$/.test(text))
			size = BigInt(text.replace(/^\+|[.,]0*$/g, ''));
		else
			return false;
	}

	/* Bounds beyond what a Number holds exactly are texts in the tables. */
	return (row.low == null || size >= BigInt(row.low)) && (row.high == null || size <= BigInt(row.high));
}

function unique(values) {
	return values.filter(function(value, at) { return values.indexOf(value) == at });
}

function titled(variants, name, said) {
	var texts = unique(variants.map(said));

	if (texts.length < 2)
		return texts[0] || '';

	return variants.map(function(row) {
		return '%s: %s'.format(row.protocols.map(function(each) { return tables.titles[each] }).join(', '), said(row));
	}).join(' — ');
}

function helpOf(parameter) {
	return titled(parameter.variants, parameter.name, function(row) {
		var help = _(row.help), range = row.choices ? '' : allowed(row);

		return help + ((range && (row.low != null || row.high != null)) ? ' (%s)'.format(range) : '');
	});
}

function defaultOf(parameter) {
	return titled(parameter.variants, parameter.name, function(row) {
		return (row.default == null || row.default === '') ? '' : String(row.default === true ? 1 : row.default === false ? 0 : row.default);
	});
}

return baseclass.extend({
	protocolOf: protocolOf,
	spelled: spelled,
	fits: fits,
	allowed: allowed,

	/* The row of a parameter for one protocol, null where that has none. */
	rowOf: function(parameter, protocol) {
		return parameter.variants.filter(function(row) { return row.protocols.indexOf(protocol) >= 0 })[0] || null;
	},

	protocolsOf: function(parameter) {
		return [].concat.apply([], parameter.variants.map(function(row) { return row.protocols }));
	},

	spellingsOf: function(protocol) {
		return Object.keys(tables.protocols).filter(function(name) { return tables.protocols[name] == protocol });
	},

	/* Adds the field of a parameter to a section. protocol(option, section_id) tells which protocol a section has in
	   the form; overTcp(option, section_id) whether it is reached over the network. */
	add: function(section, tab, parameter, protocol, overTcp) {
		var fields = this, variants = parameter.variants,
		    chosen = variants.every(function(row) { return row.choices || row.kind == 'boolean' }),
		    option = section.taboption(tab, chosen ? form.ListValue : form.Value, parameter.name, parameter.name, helpOf(parameter));

		option.optional = true;
		option.rmempty = true;
		option.modalonly = true;
		option.password = parameter.secret;
		option.placeholder = defaultOf(parameter);

		if (chosen)
			unique([].concat.apply([], variants.map(function(row) {
				return row.choices ? row.choices.map(String) : [ '1', '0' ];
			}))).forEach(function(choice) {
				option.value(choice, variants[0].kind == 'boolean' ? (choice == '1' ? _('yes') : _('no')) : choice);
			});

		option.load = function(section_id) {
			var found = spelled(variants, uci.get('meterd', section_id, this.option));

			/* What no table allows must be seen, and not be taken for absent. */
			if (chosen && found != null && this.keylist.indexOf(found) < 0)
				this.value(found, _('%s (not allowed)').format(found));

			return found;
		};

		option.validate = function(section_id, value) {
			var row = fields.rowOf(parameter, protocol(this, section_id));

			if (!row)
				return true;

			if (value == null || value === '') {
				var named = !/^cfg[0-9a-f]{6}$/.test(section_id) && parameter.named,
				    needed = overTcp(this, section_id) ? row.tcp : row.serial;

				return (!needed || named || this.given(section_id)) ? true : _('must be given');
			}

			return fits(row, String(value)) ? true : _('allowed: %s').format(allowed(row));
		};

		/* An older name of the parameter, or a file with a secret, will do. */
		option.given = function(section_id) {
			var map = this.map;

			return parameter.also.some(function(name) {
				var found = map.lookupOption(name, section_id, 'meterd');

				return !!(found ? found[0].formvalue(found[1]) : uci.get('meterd', section_id, name));
			});
		};

		return option;
	}
});
