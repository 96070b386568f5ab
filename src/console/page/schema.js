// Schema: which events and attributes there are, what the tracking plan says, and what was against it.
import {call, ofTenant, session} from './api.js';
import {button, card, cell, confirmed, count, failure, make, note, row, run, table, time} from './dom.js';
import {pretty} from './json.js';

const EVENTS_SHOWN = 100;  // of those that the filter leaves

export const title = 'Schema';

export function mount(root, {tenant}) {
  const parts = Object.fromEntries(['events', 'users', 'devices', 'plan', 'violations'].map((name) => [name, make('div', {id: name})]));
  const filter = make('input', {placeholder: 'any', autocomplete: 'off', spellcheck: 'false', oninput: () => showEvents()});
  const head = note('');
  root.append(make('h1', {}, 'Schema'), card('Violations of the plan', parts.violations), card('Tracking plan', parts.plan),
    card('Events', head, make('label', {}, 'With ', filter), parts.events), card('Attributes of users', parts.users), card('Attributes of devices', parts.devices));
  let schema = null;

  function forget(what, path) {
    if (!session.may('operate')) return '';
    const pressed = button('Forget …', () => run(pressed, async () => {
      if (!await confirmed('Forget', `${what} is removed from the schema. What profiles hold stays; whoever sends the name again teaches it again.`, 'Forget')) return '';
      await call(ofTenant(tenant, 'schema/' + path), {method: 'DELETE'});
      setTimeout(load, 1200);
      return 'Ordered.';
    }));
    return pressed;
  }

  function showEvents() {
    const wanted = filter.value.trim().toLowerCase();
    const found = schema.events.filter((event) => !wanted || event.name.toLowerCase().includes(wanted));
    const attributes = (event) => event.attributes.length === 0 ? '–' : make('details', {}, make('summary', {}, count(event.attributes.length)),
      make('ul', {class: 'plain'}, event.attributes.map((one) => make('li', {}, `${one.name}: ${one.type || 'any'}`))));
    parts.events.replaceChildren(table('Events', ['Event', 'First seen', 'Attributes', ''], found.slice(0, EVENTS_SHOWN).map((event) => row(cell(event.name), cell(time(event.first_seen), 'time'),
      cell(attributes(event)), cell(forget(`Event “${event.name}”`, `events/${encodeURIComponent(event.name)}`), 'actions'))), wanted ? 'No event has this in its name.' : 'No event yet.'),
    found.length > EVENTS_SHOWN ? note(`${count(found.length - EVENTS_SHOWN)} more: say more of the name.`) : '');
  }

  const attributeTable = (label, list) => table(label, ['Name', 'Type', 'First seen', ''], list.map((one) => row(cell(one.name), cell(one.type || 'any'), cell(time(one.first_seen), 'time'),
    cell(forget(`Attribute “${one.name}”`, `attributes/${encodeURIComponent(one.name)}`), 'actions'))), 'None yet.');

  async function load() {
    schema = await call(ofTenant(tenant, 'schema'));
    head.textContent = `Mode ${schema.mode}: ${schema.mode === 'strict' ? 'only these names may be sent' : 'names are learned as they come'}. ${count(schema.event_names.used)} of ${count(schema.event_names.limit)} names of events and ` +
      `${count(schema.user_attributes.length)} of ${count(schema.user_attributes_limit)} attributes of users are used.`;
    showEvents();
    parts.users.replaceChildren(attributeTable('Attributes of users', schema.user_attributes));
    parts.devices.replaceChildren(attributeTable('Attributes of devices', schema.device_attributes));
  }

  async function loadPlan() {
    const {from} = await call(ofTenant(tenant));
    const found = from.plan ? await call(ofTenant(tenant, 'plan')) : null;
    const text = make('textarea', {rows: 10, spellcheck: 'false', 'aria-label': 'Plan', readonly: !session.may('operate')});
    text.value = found ? pretty(found.plan) : '{"events": {}}';
    const put = button('Publish', () => run(put, async () => {
      await call(ofTenant(tenant, 'plan'), {method: 'PUT', body: text.value});
      loadPlan();
      return 'It is in force.';
    }), 'primary');
    const remove = button('Take away …', () => run(remove, async () => {
      if (!await confirmed('Take the plan away', 'Events are checked by no plan any more.', 'Take away')) return '';
      await call(ofTenant(tenant, 'plan'), {method: 'DELETE'});
      loadPlan();
      return 'It is gone.';
    }));
    parts.plan.replaceChildren(note(found ? `From ${found.from.from === 'api' ? 'the API' : 'the file'}, revision ${found.from.revision}, ${time(found.from.at)}.` : 'The tenant has none: nothing is checked.'),
      ...(found || session.may('operate') ? [make('details', {open: found !== null}, make('summary', {}, found ? 'As JSON Schema' : 'Write one'), text, session.may('operate') ? make('div', {class: 'row wrap'}, put, found ? remove : null) : '')] : []));
  }

  async function loadViolations() {
    const {violations} = await call(ofTenant(tenant, 'violations'));
    parts.violations.replaceChildren(table('Violations', ['Event', 'Property', 'Rule', '#1 h', '#24 h', '#7 days', 'Last', 'Message ids'], violations.map((one) => row(cell(one.event), cell(one.property || '–'),
      cell(make('span', {class: 'code'}, one.rule)), cell(count(one.counts['1h']), 'number'), cell(count(one.counts['24h']), 'number'), cell(count(one.counts['7d']), 'number'), cell(time(one.last_at), 'time'), cell(one.samples.join(', '), 'id'))),
    'Nothing was against it.'));
  }

  const failed = (part) => (error) => part.replaceChildren(failure(error));
  if (tenant) {
    load().catch(failed(parts.events));
    loadPlan().catch(failed(parts.plan));
    loadViolations().catch(failed(parts.violations));
  }
}
