// Person: who somebody is, what is known, how the identity came about; and the orders that change it. Identifiers are in
// bodies and in the tab's history, never in an address, so they are in no log.
import {call, ofTenant, post, session} from './api.js';
import {eventDays} from './days.js';
import {briefId, button, capital, card, cell, confirmed, count, empty, failure, make, note, row, run, shown, svg, table, time} from './dom.js';
import {pretty} from './json.js';
import {waitingOf} from './problems.js';
import {eventTable, facts, referredTo} from './profile.js';

const SHOWN_MAX = 12;      // nodes of a side of the graph

export const title = 'Person';

// ---- the graph: what was merged into the profile, what identifies it, its devices

// What has no room is told.
const shorten = (nodes, what) => nodes.length <= SHOWN_MAX ? nodes : [...nodes.slice(0, SHOWN_MAX - 1), ['rest', `and ${count(nodes.length - SHOWN_MAX + 1)} ${what}`]];

function graph(profile) {
  const left = shorten((profile.merged_from || []).toReversed().map((id) => ['merged', `was ${briefId(id)}`]), 'older merges');
  const right = shorten([...Object.entries(profile.identifiers).flatMap(([type, values]) => values.map((value) => ['identifier', `${type} ${value}`])),
    ...(profile.devices || profile.users || []).map((id) => [profile.kind === 'user' ? 'device' : 'user', `${profile.kind === 'user' ? 'device' : 'user'} ${briefId(id)}`])], 'more');
  const rows = Math.max(left.length, right.length, 1), height = rows * 34 + 20, middle = height / 2;
  const x = left.length ? 300 : 10;
  const side = (nodes, at, to, label) => nodes.map(([kind, text], i) => {
    const y = (i + 0.5) * height / nodes.length;
    const line = at < to ? `M${at + 210},${y} C${at + 250},${y} ${to - 40},${middle} ${to - 4},${middle}` : `M${to},${middle} C${to + 40},${middle} ${at - 40},${y} ${at},${y}`;
    return [svg('path', {d: line, class: 'arrow'}), svg('g', {class: `node ${kind}`}, svg('rect', {x: at, y: y - 13, width: 210, height: 26, rx: 8}),
      svg('text', {x: at + 105, y: y + 4}, text.length > 30 ? text.slice(0, 29) + '…' : text), svg('title', {}, `${label}: ${text}`))];
  });
  const width = x + 190 + 90 + 220;
  return svg('svg', {class: 'graph', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${(profile.merged_from || []).length} profiles were merged into this one; ${Object.values(profile.identifiers).flat().length} identifiers and ${(profile.devices || profile.users || []).length} ${profile.kind === 'user' ? 'devices' : 'users'} lead to it`},
    side(left, 10, x, 'merged into this one'), side(right, x + 280, x + 190, 'leads to this one'),
    svg('g', {class: 'node self'}, svg('rect', {x, y: middle - 20, width: 190, height: 40, rx: 12}), svg('text', {x: x + 95, y: middle + 5}, briefId(profile.id))));
}

// ---- parts of a profile

const sessionsOf = (sessions) => !sessions ? [] : [['How many', count(sessions.count)], ['Seconds in all', count(sessions.seconds)],
  ...(sessions.current ? [['The current one', `${count(sessions.current.count)} events from ${time(sessions.current.first_at)} to ${time(sessions.current.last_at)}`]] : [])];

function historyTable(history) {
  const said = (entry) => [entry.what, entry.type, entry.value, entry.profile && briefId(entry.profile), entry.reason && `(${entry.reason})`].filter(Boolean).join(' ');
  return table('Identity history', ['What', 'Record', 'Its time', 'Received'], history.map((entry) => row(cell(said(entry)), cell(entry.message_id || '–', 'id'),
    cell(time(entry.timestamp), 'time'), cell(time(entry.received_at), 'time'))), 'Nothing is known of it.');
}

// ---- is it in, and why not

async function letterOf(tenant, messageId) {
  let after = '';
  do {
    const {deadletters, next} = await call(ofTenant(tenant, `deadletters?${new URLSearchParams({limit: 1, message_id: messageId, ...(after && {after})})}`));
    if (deadletters.length > 0) return deadletters[0];
    after = next;
  } while (after);
  return null;
}

// What is said of what is not there: a pure function of what the server knows. `seen`: whether a record of this id came
// from this person; null: the server can't know. `hours`: for so long ids are remembered.
export function absence({isName, seen, hours, waiting}) {
  if (!waiting.told) return ['warn', 'Can’t tell: the log does not say what waits. Page Flow has why.'];
  if (waiting.records > 0) return ['warn', `Not yet: ${count(waiting.records)} record${waiting.records === 1 ? '' : 's'} wait${waiting.records === 1 ? 's' : ''}, and it may be one of them. Page Flow says where and for how long.`];
  if (isName) return ['bad', 'No: others have this event, this profile does not. Nothing waits, so none was accepted for this person: see that the sender names this person.'];
  const name = 'nobody has sent an event of this name';
  if (seen === false) return ['bad', `No: ${name}, no record of this id came of this person in the last ${hours} hours, none was set aside, and nothing waits. See that the sender sends, names this person, and has the right key; a refused request is answered with its reason.`];
  return ['warn', `As an event’s name, no: ${name}. As a message id, can’t tell: none was set aside and nothing waits, but which ids came is known where action runs, which is not in this process, or not asked of so many identifiers. Live tail shows what comes from now on.`];
}

async function verdict(context, profile, history, wanted) {
  const {tenant, kept, seen} = context;
  const stats = profile?.events[wanted];
  if (stats) return ['good', `Yes: ${count(stats.count)} of “${wanted}” are in the profile, the last of ${time(stats.last_at)}.`];
  if (history.some((entry) => entry.message_id === wanted)) return ['good', 'Yes: this record is in the identity history below.'];
  const schema = await call(ofTenant(tenant, 'schema'));
  const isName = schema.events.some((event) => event.name === wanted);
  const {kind, type, value} = kept.person;
  const asked = isName ? {} : await post(ofTenant(tenant, 'messages/lookup'), {message_id: wanted, [kind === 'users' ? 'user' : 'device']: {[type]: value}});
  if (asked.seen) return profile ? ['good', `Yes: a record of this id came of this person in the last ${asked.hours} hours, and was processed.`] :
    ['warn', 'It came, and was processed; who sent it has no profile: erased, or set aside (page Dead letters).'];
  const letter = await letterOf(tenant, wanted);
  if (letter) return ['bad', `No: the record was set aside as ${letter.code}: ${letter.reason}. Page Dead letters can send it again; if somebody has done so, it is in all the same.`];
  // Where names are learned, what is against the plan is counted and goes in all the same.
  const {violations} = schema.mode === 'strict' ? await call(ofTenant(tenant, 'violations')) : {violations: []};
  const violation = violations.find((one) => one.event === wanted && one.counts['24h'] > 0);
  if (violation) return ['bad', `No. Events of this name break the tracking plan (${violation.rule}${violation.property ? ', ' + violation.property : ''}), ${count(violation.counts['24h'])} of the last day: page Schema.`];
  return absence({isName, seen: asked.seen, hours: asked.hours, waiting: waitingOf(seen.flow)});
}

function checker(context, profile, history) {
  const wanted = make('input', {id: 'wanted', required: true, autocomplete: 'off', spellcheck: 'false'});
  const answer = make('p', {class: 'verdict', role: 'status'});
  return make('form', {class: 'checker', onsubmit: async (event) => {
    event.preventDefault();
    try {
      const [kind, text] = await verdict(context, profile, history, wanted.value.trim());
      answer.className = `verdict ${kind}`;
      answer.textContent = text;
    } catch (error) {
      answer.className = 'verdict warn';
      answer.textContent = `Can’t tell: ${error.message}.`;
    }
  }}, make('div', {class: 'row wrap'}, make('label', {class: 'grow'}, 'Is it in? Event or message id ', wanted), make('button', {}, 'Check')), answer);
}

// ---- orders

const erasureText = (one) => `Erasure ${one.state}${one.waits_for ? `, waits for ${one.waits_for}` : ''}: requested ${time(one.requested_at)}, applied ${time(one.applied_at)}, written ${time(one.written_at)}, verified ${time(one.verified_at)}`;

async function erasureOf(tenant, type, value) {
  return post(ofTenant(tenant, 'erasures/lookup'), {[type]: value}).catch((error) => { if (error.status === 404) return null; throw error; });
}

function orders(context, {kind, type, value}, profile, again) {
  if (!session.may('erase')) return null;
  const {tenant} = context;
  const out = make('div', {class: 'orders'});
  const erase = button('Erase …', () => run(erase, async () => {
    if (!await confirmed('Erase', `Everything that is known of whoever has ${type} ${value} is removed from profiles, topics and copies. It can’t be taken back.`, 'Erase for good')) return '';
    await call(ofTenant(tenant, `${kind}/${encodeURIComponent(type)}/${encodeURIComponent(value)}`), {method: 'DELETE'});
    setTimeout(again, 700);
    return 'Ordered.';
  }), 'danger');
  out.append(make('h3', {}, 'Orders'), make('div', {class: 'row wrap'}, erase));
  if (kind !== 'users') return out;

  const fromType = make('input', {value: 'email', 'aria-label': 'Identifier of the other', required: true, autocomplete: 'off', spellcheck: 'false'});
  const fromValue = make('input', {'aria-label': 'Value of the other', required: true, autocomplete: 'off', spellcheck: 'false'});
  const merge = make('button', {}, 'Merge …');
  out.append(make('form', {class: 'row wrap', onsubmit: (event) => {
    event.preventDefault();
    run(merge, async () => {
      if (!await confirmed('Merge', `Whoever has ${fromType.value} ${fromValue.value} and whoever has ${type} ${value} become one profile. It can’t be taken apart again.`, 'Merge for good')) return '';
      await post(ofTenant(tenant, 'users/merge'), {into: {[type]: value}, from: {[fromType.value.trim()]: fromValue.value}});
      setTimeout(again, 700);
      return 'Ordered.';
    });
  }}, make('span', {}, 'Merge with'), fromType, fromValue, merge));
  const others = Object.entries(profile.identifiers).flatMap(([t, values]) => t === 'user_id' ? [] : values.map((v) => [t, v]));
  out.append(make('div', {class: 'row wrap'}, others.map(([t, v]) => {
    const unlink = button(`Unlink ${t} ${v}`, () => run(unlink, async () => {
      if (!await confirmed('Unlink', `${t} ${v} leads to this profile no more; what was counted stays.`, 'Unlink')) return '';
      await post(ofTenant(tenant, 'users/unlink'), {from: {[type]: value}, identifier: {[t]: v}});
      setTimeout(again, 700);
      return 'Ordered.';
    }));
    return t === type && v === value ? null : unlink;
  })));
  return out;
}

function missing(context, {kind, type, value}, message, erasure, again) {
  const lift = button('Let it be used again …', () => run(lift, async () => {
    if (!await confirmed('Lift', `${type} ${value} may be used again; what was erased stays erased.`, 'Lift')) return '';
    await call(ofTenant(context.tenant, `${kind}/${encodeURIComponent(type)}/${encodeURIComponent(value)}/unsuppress`), {method: 'POST'});
    setTimeout(again, 700);
    return 'Ordered.';
  }));
  return [empty(`${capital(message)}.`), erasure ? make('p', {class: 'verdict warn'}, erasureText(erasure)) : null, erasure && session.may('erase') ? lift : null];
}

// ---- the page

export function mount(root, context) {
  const {tenant, kept, go} = context;
  const wanted = kept?.person || null;  // {kind, type, value}
  let stopped = false;
  const kind = make('select', {id: 'kind'}, make('option', {value: 'users'}, 'User'), make('option', {value: 'devices'}, 'Device'));
  kind.value = wanted?.kind || 'users';
  const type = make('input', {id: 'type', list: 'types', value: wanted?.type || 'user_id', required: true, autocomplete: 'off', spellcheck: 'false'});
  const value = make('input', {id: 'value', value: wanted?.value || '', required: true, autocomplete: 'off', spellcheck: 'false'});
  const types = make('datalist', {id: 'types'});
  const result = make('div', {id: 'profile', 'aria-live': 'polite'});
  root.append(make('h1', {}, 'Person'), make('div', {class: 'card'}, make('form', {class: 'row wrap', id: 'lookup', onsubmit: (event) => {
    event.preventDefault();
    go('person', {}, {person: {kind: kind.value, type: type.value.trim(), value: value.value}});
  }}, make('label', {}, 'Kind ', kind), make('label', {}, 'Identifier ', type), types, make('label', {class: 'grow'}, 'Value ', value), make('button', {class: 'primary'}, 'Look up'), button('Begins with', search, '')),
  note('By any identifier of the tenant; by how one begins, where the profile store can. It is sent in a body, so it is in no address and no log.')), result);

  const person = (of, t, v) => button(v, () => go('person', {}, {person: {kind: of, type: t, value: v}}));
  async function search() {
    const of = kind.value, t = type.value.trim();
    if (!value.value) return value.focus();
    try {
      const {found, more} = await post(ofTenant(tenant, `${of}/search`), {[t]: value.value});
      if (stopped) return;
      result.replaceChildren(card(`Whose ${t} begins with “${value.value}”`, table('Found', ['Value', 'Profile'], found.map((one) => row(cell(person(of, one.type, one.value)), cell(briefId(one.id), 'id'))), 'Nobody’s does.'),
        more ? note('There are more: type some more of it.') : ''));
    } catch (error) {
      if (!stopped) result.replaceChildren(card('', empty(`${capital(error.message)}.`)));
    }
  }

  async function recent() {
    const {people} = await call(ofTenant(tenant, 'users/recent'));
    const again = button('Look again', () => run(again, recent));
    if (!stopped && !wanted) result.replaceChildren(card('Recent people', note('Whose records came last, of the last 200 of each partition, and who has a profile now.'),
      table('Recent people', ['Identifier', 'Value', 'Last record', 'Received'], people.map((one) => row(cell(one.type), cell(person('users', one.type, one.value)), cell(one.event || '–'), cell(time(one.received_at), 'time'))), 'No record of anybody yet.'), again));
    return '';
  }

  async function show() {
    const lookup = ofTenant(tenant, wanted.kind + '/lookup'), one = {[wanted.type]: wanted.value};
    try {
      const [profile, {history}] = await Promise.all([post(lookup, one), post(lookup + '/identity', one)]);
      if (!stopped) result.replaceChildren(profileCards(profile, history));
    } catch (error) {
      const failed = [];
      const erasure = await erasureOf(tenant, wanted.type, wanted.value).catch((other) => { failed.push(failure({message: `Whether this person was erased can’t be told: ${other.message}`})); return null; });
      if (stopped) return;
      result.replaceChildren(card('', missing(context, wanted, error.message, erasure, show), failed, error.status === 404 ? checker(context, null, []) : null));
    }
  }

  function profileCards(profile, history) {
    const follow = button('Follow live', () => go('live', {}, {follow: wanted}), '');
    return make('div', {},
      card('', make('div', {class: 'row wrap'}, make('span', {class: 'pill good'}, profile.kind), make('span', {class: 'id'}, profile.id), make('span', {class: 'time'}, `version ${profile.version}`), follow),
        note(`First seen ${time(profile.first_seen)}, last seen ${time(profile.last_seen)} (UTC)`),
        checker(context, profile, history)),
      card('Identity', make('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Identity as a graph'}, graph(profile)),
        make('details', {open: history.length < 12}, make('summary', {}, `What made it (${history.length})`), historyTable(history)), orders(context, wanted, profile, show)),
      profile.kind === 'user' ? card('Events by day', eventDays(tenant, wanted)) : null,
      card('What is known', eventTable(profile.events), make('div', {class: 'columns'}, make('div', {}, facts('Attributes', Object.entries(profile.attributes)) || note('No attributes.'),
        referredTo(tenant, profile, (of, t, v) => go('person', {}, {person: {kind: of, type: t, value: v}}))),
      make('div', {}, facts('Computed', Object.entries(profile.computed)), facts('Subscriptions', Object.entries(profile.subscriptions || {})), facts('Sessions', sessionsOf(profile.sessions)))),
      make('details', {}, make('summary', {}, 'As JSON'), make('pre', {tabindex: 0}, pretty(profile)))));
  }

  if (tenant) call(ofTenant(tenant)).then(({settings}) => {
    const known = [...(settings.identity?.priority || ['user_id', 'email', 'phone', 'anonymous_id']), ...(settings.devices?.priority || ['device_id', 'push_token', 'idfv', 'gaid'])];
    types.replaceChildren(...known.map((name) => make('option', {value: name})));
  }, () => {});  // only what the field proposes
  // What could not be told just now is asked for again: nobody else would, and there is no button yet. What is refused
  // to whoever asks would be refused again.
  const recentSoon = () => recent().catch((error) => {
    if (stopped) return;
    const later = !(error.status < 500);
    result.replaceChildren(card('Recent people', failure(error), later ? note('It is asked again in five seconds.') : ''));
    if (later) setTimeout(() => stopped || recentSoon(), 5000);
  });
  if (tenant) wanted ? show().catch((error) => { if (!stopped) result.replaceChildren(card('', failure(error))); }) : recentSoon();
  return {stop: () => { stopped = true; }};
}
