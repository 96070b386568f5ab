// Live tail: what happens to a tenant's records, or a person's, as it happens, each followed from its receipt to what was
// written of it (tail.js). Topic `actions` is always there; `events` and `changes` where somebody has them written.
import {STREAM_LIMIT, ofTenant, post, stream} from './api.js';
import {button, cell, clock, empty, make, note, row} from './dom.js';
import {compact} from './json.js';
import {Tail} from './tail.js';

const ROWS_MAX = 60;
const WAIT_S = 15;
const AGAIN_MS = 2000;
const BUSY_MS = 500;        // before more is asked for where more comes than can be read
const WHO_EVERY_MS = 5000;  // a person may have become another profile
const LOOKUPS_MAX = 5;      // of a tick: whom records belong to that nobody writes events of

export const title = 'Live tail';

// Who is followed: every profile that the identifier has led to since, and whatever identifies it.
class Person {
  constructor(tenant, following) { Object.assign(this, {tenant, following, ids: new Set(), identifiers: new Set([`${following.type} ${following.value}`]), asked: 0}); }
  async look() {
    this.asked = Date.now();
    const profile = await post(ofTenant(this.tenant, `${this.following.kind}/lookup`), {[this.following.type]: this.following.value});
    this.ids.add(profile.id);
    for (const [type, values] of Object.entries(profile.identifiers)) values.forEach((value) => this.identifiers.add(`${type} ${value}`));
  }
  has(topic, record) {
    if (topic === 'changes') return this.ids.has(record.id);
    if (topic === 'events') return this.ids.has(record.user) || this.ids.has(record.device);
    return Object.entries(this.following.kind === 'users' ? record.user : record.device).some(([type, values]) => values.some((value) => this.identifiers.has(`${type} ${value}`)));
  }
}

export function mount(root, {tenant, kept, go}) {
  const stopped = new AbortController();
  const tail = new Tail(ROWS_MAX);
  const following = kept?.follow || null;  // {kind, type, value}
  const person = following && new Person(tenant, following);
  let paused = false, looking = false, leftOut = false;
  const pauseFor = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
  const said = make('p', {class: 'note', role: 'status'}, 'Waiting for records …');
  const trouble = make('p', {class: 'problem', hidden: true});
  const body = make('tbody');
  const pause = button('Pause', () => { paused = !paused; pause.textContent = paused ? 'Go on' : 'Pause'; draw(); });
  const type = make('input', {value: following?.type || 'user_id', 'aria-label': 'Identifier', required: true, autocomplete: 'off', spellcheck: 'false'});
  const value = make('input', {value: following?.value || '', 'aria-label': 'Value', autocomplete: 'off', spellcheck: 'false'});
  const kind = make('select', {'aria-label': 'Kind'}, make('option', {value: 'users'}, 'User'), make('option', {value: 'devices'}, 'Device'));
  kind.value = following?.kind || 'users';
  const filter = make('input', {'aria-label': 'Only records with this text', placeholder: 'any', autocomplete: 'off', spellcheck: 'false', oninput: () => draw()});

  root.append(make('h1', {}, 'Live tail'), make('div', {class: 'card'},
    make('form', {class: 'row wrap', onsubmit: (event) => { event.preventDefault(); go('live', {}, value.value ? {follow: {kind: kind.value, type: type.value.trim(), value: value.value}} : null); }},
      make('label', {}, 'Follow ', kind), make('label', {}, type), make('label', {class: 'grow'}, value), make('button', {class: 'primary'}, 'Follow'),
      following ? button('Everybody', () => go('live', {}, null), '') : null),
    make('div', {class: 'row wrap between'}, make('label', {}, 'Only with ', filter), make('div', {class: 'row'}, pause, button('Clear', () => { tail.clear(); draw(); }))), said, trouble),
    make('div', {class: 'card'}, make('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Records'}, make('table', {class: 'wide'},
      make('thead', {}, make('tr', {}, ['Received', 'Of whom', 'What', 'Followed through'].map((name) => make('th', {scope: 'col'}, name)))), body))));

  const whoseText = (one) => [...one.identifiers.slice(0, 2).map(({type: t, value: v}) => make('div', {}, `${t} ${v}`)), one.id ? make('span', {class: 'id', title: one.id}, `${one.entity} ${one.id.slice(0, 12)}…`) : null];

  function draw() {
    if (paused) return;
    const wanted = filter.value.trim().toLowerCase();
    const all = [...tail.records.values()].reverse().filter((one) => !wanted || compact([one.id, one.what, one.identifiers, one.steps]).toLowerCase().includes(wanted));
    body.replaceChildren(...all.map((one) => row(cell(clock(one.receivedAt), 'time'), cell(whoseText(one)), cell(one.what.map((line) => make('div', {}, line))),
      cell(make('ol', {class: 'steps'}, one.steps.map(({at, text}) => make('li', {}, make('span', {class: 'time'}, clock(at)), ` ${text}`)))))));
    if (all.length === 0) body.replaceChildren(make('tr', {}, make('td', {colspan: 4}, empty(tail.records.size ? 'No record has this text.' : 'No record yet.'))));
    said.textContent = `${following ? `Following ${following.type}` : `All of tenant ${tenant}`}: ${tail.count} record${tail.count === 1 ? '' : 's'} since this page was opened, the newest first${leftOut ? '; more came than can be shown, and some are left out' : ''}. Times are the server’s (UTC).`;
  }

  // What the API refuses is shown in its own words; the other topics go on. That nobody has asked for a topic to be
  // written is no fault.
  const refused = new Map();
  function tell(topic, error) {
    error ? refused.set(topic, error) : refused.delete(topic);
    trouble.hidden = refused.size === 0;
    trouble.className = [...refused.values()].every((one) => one.status === 409) ? 'note' : 'problem';
    trouble.textContent = [...refused].map(([of, one]) => one.status === 409 ? `No ${of} are shown: ${one.message}.` : `${of}: ${one.message}`).join(' · ');
  }

  async function follow(topic) {
    let after = 'end';
    while (!stopped.signal.aborted) {
      try {
        const page = await stream(tenant, topic, after, WAIT_S, stopped.signal);
        for (const line of page.records) if (!person || person.has(topic, line.record)) tail[topic](line, Date.now());
        // Of a tenant that sends thousands a second nobody can read each: what comes now counts, and the rest is told.
        const busy = page.records.length >= STREAM_LIMIT;
        leftOut ||= busy;
        after = busy ? 'end' : page.cursor || after;
        tell(topic, null);
        if (page.records.length) draw();
        if (busy) await pauseFor(BUSY_MS);
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (error.status === 410) { after = 'end'; continue; }  // it was too busy to be followed
        tell(topic, error);
        if (error.status === 409 || error.status === 404) return;
        await pauseFor(AGAIN_MS);
      }
    }
  }

  async function lookAtPerson() {
    try {
      await person.look();
      tell('the person', null);
    } catch (error) {
      tell('the person', error.status === 404 ? {message: `${error.message}. Records that name this ${following.type} are followed all the same.`} : error);
    }
  }

  // Where no events are written the page asks whom a record belongs to, as soon as it was processed.
  async function resolve(at) {
    if (looking) return;
    looking = true;
    for (const one of tail.unresolved().slice(0, LOOKUPS_MAX)) {
      const {kind: of, type: t, value: v} = one.identifiers[0];
      try {
        const {id} = await post(ofTenant(tenant, `${of}/lookup`), {[t]: v}, {signal: stopped.signal});
        tail.resolve(one, id, of === 'users' ? 'user' : 'device', at, Date.now());
      } catch (error) {
        if (error.status !== 404) break;
        tail.isNobodys(one, at);
      }
    }
    looking = false;
    draw();
  }

  async function begin() {
    if (person) await lookAtPerson();
    draw();
    ['actions', 'events', 'changes'].forEach(follow);
  }
  if (tenant) begin();
  else root.append(note('There is no tenant.'));
  return {
    stop: () => stopped.abort(),
    tick({flow}) {
      if (person && Date.now() - person.asked > WHO_EVERY_MS) lookAtPerson();
      tail.tick(flow, Date.now());
      if (flow) resolve(flow.at);
    },
  };
}
