'use strict';

/* A stand-in for LuCI's JavaScript, as far as luci-app-meterd uses it: written from what LuCI's form.js, uci.js, ui.js
   and luci.js are publicly known to do. Reads one scenario as JSON on standard input and writes what came of it.

   What it takes care to do as LuCI does: a field whose `depends` does not hold is not shown, and its option is removed
   when the form is saved; a value is written only where it differs from what `load` gave; an empty one is removed; a
   field that does not validate keeps all from being saved; a select has no value that is not among its choices. */

const fs = require('fs');
const path = require('path');

const resources = process.argv[2];

String.prototype.format = function(...values) {
	return this.replace(/%(%|s|d|h)/g, (whole, kind) => {
		if (kind == '%')
			return '%';
		const value = values.shift();
		if (kind == 'd')
			return Math.floor(+value || 0).toFixed(0);
		return kind == 'h' ? String(value).replace(/&/g, '&#38;').replace(/</g, '&#60;').replace(/>/g, '&#62;') : String(value);
	});
};

/* ---- elements */

class Node {
	constructor(tag, attributes, children) {
		this.tag = tag;
		this.attributes = attributes;
		this.children = [];
		this.value = attributes.value ?? '';
		this.put(children);
	}

	put(children) {
		for (const child of [].concat(children ?? []))
			if (child != null)
				this.children.push(child);
	}

	text() {
		return this.children.map(child => child instanceof Node ? child.text() : String(child)).join(this.tag == 'tr' ? ' | ' : '');
	}

	find(test) {
		const here = test(this) ? [ this ] : [];
		return here.concat(...this.children.filter(child => child instanceof Node).map(child => child.find(test)));
	}
}

function E(tag, attributes, children) {
	if (Array.isArray(tag))
		return new Node('', {}, tag.concat(attributes && !children ? [] : [], Array.isArray(attributes) ? attributes : [], children ?? []));
	if (Array.isArray(attributes) || typeof(attributes) == 'string')
		[ attributes, children ] = [ {}, attributes ];
	return new Node(tag, attributes ?? {}, children);
}

const dom = { content: (node, children) => { node.children = []; node.put(children) } };

/* ---- UCI */

const scenario = JSON.parse(fs.readFileSync(0, 'utf8'));
const sections = scenario.uci || [];
const happened = { calls: [], said: [], modals: [], saved: 0 };

const uci = {
	load: async () => [ 'meterd' ],
	sections: (config, type) => sections.filter(section => !type || section['.type'] == type),
	get: (config, name, option) => {
		const section = sections.find(each => each['.name'] == name);
		return section == null ? null : option == null ? section : section[option] ?? null;
	},
	set: (config, name, option, value) => {
		const section = sections.find(each => each['.name'] == name);
		if (section)
			section[option] = Array.isArray(value) ? value : String(value);
	},
	unset: (config, name, option) => { delete (sections.find(each => each['.name'] == name) || {})[option] },
	add: (config, type, name) => {
		sections.push({ '.type': type, '.name': name, '.anonymous': false });
		return name;
	},
	save: async () => { happened.saved++ }
};

/* ---- forms */

class Value {
	constructor(map, section, option, title, description) {
		Object.assign(this, { map, section, option, title, description, deps: [], optional: false, rmempty: true, default: null });
	}

	value(key, title) {
		(this.keylist ??= []).push(String(key));
		(this.vallist ??= []).push(String(title ?? key));
	}

	depends(field, value) { this.deps.push(typeof(field) == 'string' ? { [field]: value } : field) }
	load(id) { return uci.get('meterd', id, this.option) }
	validate() { return true }
	write(id, value) { uci.set('meterd', id, this.option, value) }
	remove(id) { uci.unset('meterd', id, this.option) }
	shown(found) { return found ?? this.default ?? '' }
	formvalue(id) { return this.map.form[this.option] ?? null }
	isActive() { return this.deps.length == 0 || this.deps.some(dep => Object.keys(dep).every(name => this.map.valueOf(name) == dep[name])) }
}

class ListValue extends Value {
	shown(found) {
		const text = String(found ?? this.default ?? '');
		if ((this.keylist || []).includes(text))
			return text;
		return this.optional ? '' : (this.keylist || [ '' ])[0];  // what a select does
	}
}

class Flag extends Value {
	constructor(...of) { super(...of); this.default = '0' }
	shown(found) { return (found ?? this.default) == '1' ? '1' : '0' }
}

class DummyValue extends Value {
	write() {}
	remove() {}
}

class Section {
	constructor(map, type, title, description) {
		Object.assign(this, { map, sectiontype: type, title, description, children: [], tabs: {} });
	}

	tab(name, title) { this.tabs[name] = title }

	option(kind, ...of) {
		this.children.push(new kind(this.map, this, ...of));
		return this.children[this.children.length - 1];
	}

	taboption(tab, ...of) {
		if (!this.tabs[tab])
			throw new Error('Associated tab not declared');
		const option = this.option(...of);
		option.tab = tab;
		return option;
	}

	filter() { return true }
	cfgsections() { return uci.sections('meterd', this.sectiontype).map(each => each['.name']).filter(id => this.filter(id)) }
}

class NamedSection extends Section {
	constructor(map, id, type, title) { super(map, type, title); this.id = id }
	cfgsections() { return [ this.id ] }
}

class FormMap {
	constructor(config, title, description) {
		Object.assign(this, { config, title, description, children: [], form: {} });
		FormMap.last = this;
	}

	section(kind, ...of) {
		this.children.push(new kind(this, ...of));
		return this.children[this.children.length - 1];
	}

	async load() {}
	async reset() {}

	async render() {
		const rows = [];
		for (const section of this.children)
			for (const id of section.cfgsections()) {
				const cells = section.children.filter(each => !each.modalonly).map(each => each.textvalue ? each.textvalue(id) : each.shown(each.load(id)));
				rows.push(E('tr', {}, [ id, ...cells ].map(cell => E('td', {}, [ cell ]))));
			}
		return E('div', {}, rows);
	}

	/* As the dialog of one section: which options there are, and what stands in them. */
	open(type, id) {
		this.at = this.children.find(section => section.sectiontype == type);
		this.id = id;
		this.form = {};
		this.found = {};
		this.options = this.at.children.filter(each => each.modalonly !== false);
		for (const option of this.options) {
			this.found[option.option] = option.load(id);
			this.form[option.option] = option.shown(this.found[option.option]);
		}
	}

	valueOf(name) {
		const option = this.options.find(each => each.option == name);
		return option && option.isActive() ? option.formvalue(this.id) : null;
	}

	lookupOption(name, id) {
		const option = this.options && this.options.find(each => each.option == name);
		return option ? [ option, id ] : null;
	}

	save() {
		const wrong = {};
		for (const option of this.options.filter(each => each.isActive())) {
			const value = this.form[option.option];
			const valid = (value === '' && !option.optional && !option.rmempty) ? 'non-empty value' : option.validate(this.id, value);
			if (valid !== true)
				wrong[option.option] = valid;
		}
		if (Object.keys(wrong).length)
			return wrong;
		for (const option of this.options) {
			const value = option.isActive() ? option.formvalue(this.id) : null;
			if (value !== '' && value != null) {
				if (this.found[option.option] !== value)
					option.write(this.id, value);
			}
			else if (option.rmempty || option.optional)
				option.remove(this.id);
		}
		return wrong;
	}
}

const form = { Map: FormMap, NamedSection, TableSection: Section, GridSection: Section, Value, ListValue, Flag, DummyValue };

/* ---- the rest */

const L = {
	bind: (what, self, ...first) => what.bind(self, ...first),
	resolveDefault: (promise, otherwise) => Promise.resolve(promise).catch(() => otherwise)
};
const rpc = {
	declare: about => async (...values) => {
		const given = {};
		(about.params || []).forEach((name, at) => { if (values[at] != null) given[name] = values[at] });
		happened.calls.push([ about.object, about.method, given ]);
		const answers = (scenario.answers || {})[about.method];
		if (answers == null)
			throw new Error('no such object');
		return Array.isArray(answers) ? (answers.length > 1 ? answers.shift() : answers[0]) : answers;
	}
};
const ui = {
	createHandlerFn: (self, what, ...first) => () => (typeof(what) == 'string' ? self[what] : what).call(self, ...first),
	showModal: (title, children) => happened.modals.push(E('div', {}, [ title, ...children ])),
	hideModal: () => {},
	addNotification: (title, node) => happened.said.push(node.text()),
	changes: { init: async () => {} }
};
const polled = [];
const poll = { add: what => polled.push(what) };
const files = {
	exec_direct: async (program, words) => {
		happened.calls.push([ 'exec', program, words ]);
		return scenario.log ?? '';
	}
};
const extend = content => function() { return Object.assign(Object.create({}), content) };
const known = { form, uci, rpc, ui, dom, poll, fs: files, view: { extend }, baseclass: { extend } };

function required(name) {
	if (known[name])
		return known[name];
	known[name] = loaded(path.join(resources, ...name.split('.')) + '.js');
	return known[name];
}

function loaded(file) {
	const text = fs.readFileSync(file, 'utf8');
	const names = [], values = [];
	for (const [ , name, as ] of text.matchAll(/^'require ([\w.]+)(?: as (\w+))?';$/gm)) {
		names.push(as ?? name.replace(/\W/g, '_'));
		values.push(required(name));
	}
	const made = new Function('L', 'E', '_', ...names, text)(L, E, words => words, ...values);
	return new made();
}

async function main() {
	const page = loaded(path.join(resources, 'view', 'meterd', scenario.view + '.js'));
	let node = await page.render(await page.load());
	const results = [];
	for (const [ step, ...of ] of scenario.steps || []) {
		const map = FormMap.last;
		if (step == 'open')
			results.push(map.open(...of));
		else if (step == 'fields')
			results.push(map.options.filter(each => each.isActive()).map(each => each.option));
		else if (step == 'about')
			results.push(map.options.filter(each => each.option == of[0]).map(each => ({ help: each.description, placeholder: each.placeholder, choices: each.keylist ?? null, password: !!each.password, tab: each.tab }))[0]);
		else if (step == 'set')
			results.push(map.form[of[0]] = of[1]);
		else if (step == 'save')
			results.push(map.save());
		else if (step == 'poll') {
			for (const each of polled)
				await each();
			results.push(null);
		}
		else if (step == 'enter') {
			page[of[0]].value = of[1];
			results.push(null);
		}
		else if (step == 'click') {
			const all = [ node, ...happened.modals ].flatMap(each => each.find(one => one.attributes.click && one.text() == of[0]));
			await all[of[1] ?? 0].attributes.click();
			results.push(null);
		}
		else if (step == 'change') {
			const [ one ] = node.find(each => each.attributes[of[0]]);
			await one.attributes[of[0]]({ target: { value: of[1] } });
			results.push(null);
		}
	}
	const rows = node.find(each => each.tag == 'tr').map(each => each.text());
	const modal = happened.modals.map(each => each.find(one => one.tag == 'tr').map(one => one.text()));
	process.stdout.write(JSON.stringify({ text: node.text(), rows, modal, results, happened: { ...happened, modals: null }, uci: sections }));
}

main().catch(error => { console.error(error); process.exit(1) });
