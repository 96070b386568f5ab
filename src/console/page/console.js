// The console: asks the admin listener every second and shows what it says. Text is only ever set as text.
'use strict';

const POINTS = 120;       // of a sparkline: two minutes
const LATE_MS = 1000;     // freshness beyond this is shown as late
const $ = (id) => document.getElementById(id);
const state = {
  token: sessionStorage.getItem('freshet-token') || '',
  tenant: '',
  last: null,             // the status before
  lines: {in: [], out: [], fresh: [], lag: []},
  lettersSeen: -1,
  next: null,
};

class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

async function call(path, options = {}) {
  const headers = state.token ? {Authorization: 'Bearer ' + state.token} : {};
  const answer = await fetch(path, {...options, headers, cache: 'no-store'});
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, body.error?.message || `the server answered ${answer.status}`);
  return body;
}
const ofTenant = (rest) => `/v1/tenants/${encodeURIComponent(state.tenant)}/${rest}`;

// ---- making elements

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}
const cell = (text, kind) => make('td', kind ? {class: kind} : {}, text);

// ---- formats

const count = (n) => n == null ? '–' : Math.round(n).toLocaleString('en').replace(/,/g, '\u202f');
const short = (n) => n == null ? '–' : n >= 1e7 ? (n / 1e6).toFixed(1) + ' M' : n >= 1e5 ? (n / 1e3).toFixed(0) + ' k' : n < 10 && n > 0 ? n.toFixed(1) : count(n);
const millis = (ms) => ms == null ? '–' : ms >= 10000 ? (ms / 1000).toFixed(1) + ' s' : ms >= 1000 ? (ms / 1000).toFixed(2) + ' s' : ms >= 100 ? ms.toFixed(0) + ' ms' : ms.toFixed(1) + ' ms';
function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; ++unit; }
  return `${n.toFixed(unit && n < 100 ? 1 : 0)} ${units[unit]}`;
}
const isTime = (text) => typeof text === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text);
const time = (text) => text ? text.replace('T', ' ').replace(/\.\d+Z$/, '') : '–';
const shown = (value) => isTime(value) ? time(value) : Array.isArray(value) ? value.map(shown).join(', ') : typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);

// ---- sparklines

function draw(id, values) {
  const svg = $(id);
  const width = 240, height = 46, top = 4;
  const max = Math.max(1e-9, ...values.filter((v) => v != null));
  const points = values.map((v, i) => [(i + POINTS - values.length) * width / (POINTS - 1), height - (v || 0) / max * (height - top) - 1]);
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.replaceChildren();
  if (points.length < 2) return;
  const line = points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join(' L');
  const path = (d, kind) => {
    const element = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    element.setAttribute('d', d);
    element.setAttribute('class', kind);
    svg.append(element);
  };
  path(`M${points[0][0].toFixed(1)},${height} L${line} L${width},${height} Z`, 'area');
  path(`M${line}`, 'stroke');
}
function push(name, value) {
  state.lines[name].push(value);
  if (state.lines[name].length > POINTS) state.lines[name].shift();
  draw(name + '-line', state.lines[name]);
}

// ---- status

function ratesOf(now, before) {
  const seconds = before ? (now.at_ms - before.at_ms) / 1000 : 0;
  return now.stages.map((stage) => {
    const old = before?.stages.find((s) => s.name === stage.name);
    const delta = old ? stage.done - old.done : -1;
    return seconds > 0 && delta >= 0 ? delta / seconds : null;  // negative: the server has started anew
  });
}

function showStages(now, rates) {
  $('stages').replaceChildren(...now.stages.map((stage, i) => make('tr', {},
    cell(stage.name), cell(short(rates[i]), 'number'), cell(count(stage.done), 'number'),
    cell(count(stage.waiting), 'number'))));
  $('disk').textContent = bytes(now.disk_bytes);
}

function showFreshness(freshness) {
  const row = (name, part) => make('tr', {}, cell(name),
    ...[part.p50_ms, part.p99_ms, part.p999_ms].map((ms) => cell(millis(ms), ms > LATE_MS ? 'number late' : 'number')),
    cell(count(part.count), 'number'));
  const minute = freshness.last_minute;
  const span = minute.seconds < 55 ? `Last ${minute.seconds} s` : 'Last minute';
  $('freshness').replaceChildren(row(span, minute), row('Since the start', freshness));
}

const IDENTITY_WARNINGS = ['blocked_identifier', 'identifier_too_long', 'bad_identifier', 'unknown_identifier_type'];

function showIdentity({refused, dropped, warnings}) {
  const rows = [
    ...Object.entries(refused).map(([reason, times]) => ['Joins refused', reason, times]),
    ...Object.entries(dropped).map(([reason, times]) => ['Identifiers and references dropped', reason, times]),
    ...IDENTITY_WARNINGS.filter((code) => warnings[code]).map((code) => ['Identifiers not used by ingest', code, warnings[code]]),
  ];
  $('identity').hidden = rows.length === 0;
  $('refusals').replaceChildren(...rows.map(([what, reason, times]) => make('tr', {}, cell(what), cell(reason), cell(count(times), 'number'))));
}

function showStatus(now, freshness) {
  const rates = ratesOf(now, state.last);
  const waiting = now.stages.reduce((sum, stage) => sum + (stage.waiting || 0), 0);
  const [first, last] = [rates[0], rates[rates.length - 1]];
  $('in-rate').textContent = short(first);
  $('out-rate').textContent = short(last);
  $('lag-now').textContent = short(waiting);
  if (first != null) push('in', first);
  if (last != null) push('out', last);
  push('lag', waiting);
  showStages(now, rates);
  showIdentity(now.identity);
  if (freshness) {
    $('fresh-now').textContent = millis(freshness.last_minute.p99_ms);
    push('fresh', freshness.last_minute.p99_ms);
    showFreshness(freshness);
  }
  pill(now.ready ? 'ready' : 'starting', now.ready ? 'good' : 'warn');
  state.last = now;
  $('letter-count').textContent = count(now.deadletters);
  if (now.deadletters !== state.lettersSeen) {
    state.lettersSeen = now.deadletters;
    if (!state.next || $('letters').childElementCount <= 10) loadLetters();
  }
}

function pill(text, kind) {
  if ($('state').textContent !== text) $('state').textContent = text;
  $('state').className = 'pill ' + kind;
}

function problem(message) {
  $('problem').textContent = message;
  $('problem').hidden = !message;
}

// ---- dead letters

function letterRow(letter) {
  const replay = make('button', {type: 'button', class: 'small', onclick: () => replayLetter(letter.id, replay)}, 'Replay');
  return make('tr', {},
    cell(time(letter.received_at), 'time'), cell(letter.source || '–'),
    make('td', {}, make('span', {class: 'code'}, letter.code || '–')), cell(letter.reason || '–'),
    make('td', {class: 'actions'}, make('button', {type: 'button', class: 'small', onclick: () => showLetter(letter.id)}, 'Show'), replay));
}

async function loadLetters(after) {
  const parameters = new URLSearchParams({limit: 10});
  if ($('code').value.trim()) parameters.set('code', $('code').value.trim());
  if (after) parameters.set('after', after);
  try {
    const page = await call(ofTenant('deadletters?' + parameters));
    const rows = page.deadletters.map(letterRow);
    if (!after && rows.length === 0) rows.push(make('tr', {}, make('td', {colspan: 5, class: 'empty'}, 'Nothing was set aside.')));
    after ? $('letters').append(...rows) : $('letters').replaceChildren(...rows);
    state.next = page.next;
    $('older').hidden = !page.next;
  } catch (error) { problem(`Dead letters: ${error.message}`); }
}

async function showLetter(id) {
  try {
    const letter = await call(ofTenant('deadletters/' + encodeURIComponent(id)));
    const {body, body_text, body_hex, context, ...facts} = letter;
    $('letter-facts').replaceChildren(...Object.entries(facts).flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, shown(value))]));
    $('letter-body').textContent = body !== undefined ? JSON.stringify(body, null, 2) : body_text ?? body_hex ?? '';
    $('letter').showModal();
  } catch (error) { problem(`Dead letter: ${error.message}`); }
}

async function replayLetter(id, button) {
  button.disabled = true;
  try {
    const answer = await call(ofTenant(`deadletters/${encodeURIComponent(id)}/replay`), {method: 'POST'});
    button.textContent = answer.replayed > 0 ? 'Replayed' : 'Failed';
    problem(answer.failed.length > 0 ? `Replay: ${answer.failed[0].message}` : '');
  } catch (error) {
    button.disabled = false;
    problem(`Replay: ${error.message}`);
  }
}

// ---- profiles

function factTable(title, entries) {
  if (entries.length === 0) return null;
  return make('div', {}, make('h3', {}, title), make('table', {}, make('tbody', {},
    ...entries.map(([name, value]) => make('tr', {}, make('th', {scope: 'row'}, name), cell(shown(value)))))));
}

function eventTable(events) {
  const rows = Object.entries(events).sort((a, b) => b[1].last_at < a[1].last_at ? -1 : 1);
  if (rows.length === 0) return null;
  const head = ['Event', 'Count', 'First', 'Last'];
  return make('div', {class: 'scroll'}, make('h3', {}, 'Events'), make('table', {},
    make('thead', {}, make('tr', {}, ...head.map((name, i) => make('th', i === 1 ? {scope: 'col', class: 'number'} : {scope: 'col'}, name)))),
    make('tbody', {}, ...rows.map(([name, stats]) => make('tr', {}, cell(name), cell(count(stats.count), 'number'),
      cell(time(stats.first_at), 'time'), cell(time(stats.last_at), 'time'))))));
}

function chips(title, pairs) {
  if (pairs.length === 0) return null;
  return make('div', {}, make('h3', {}, title), ...pairs.map(([name, value]) =>
    make('span', {class: 'chip'}, name ? make('b', {}, name) : null, value)));
}

// "refused email e@x (identifier_limit)"
const said = (entry) => [entry.what, entry.type, entry.value, entry.profile && entry.profile.slice(0, 12) + '…',
  entry.reason && `(${entry.reason})`].filter(Boolean).join(' ');

function historyTable(history) {
  if (history.length === 0) return null;
  const head = ['What', 'Record', 'Its time', 'Received'];
  return make('details', {}, make('summary', {}, `What made it (${history.length})`), make('div', {class: 'scroll'}, make('table', {},
    make('thead', {}, make('tr', {}, ...head.map((name) => make('th', {scope: 'col'}, name)))),
    make('tbody', {}, ...history.map((entry) => make('tr', {}, cell(said(entry)), cell(entry.message_id, 'id'),
      cell(time(entry.timestamp), 'time'), cell(time(entry.received_at), 'time')))))));
}

function showProfile(person, history) {
  const identifiers = Object.entries(person.identifiers).flatMap(([type, values]) => values.map((value) => [type, value]));
  const others = (person.devices || person.users || []).map((id) => ['', id.slice(0, 12) + '…']);
  $('profile').replaceChildren(make('div', {class: 'person'},
    make('div', {class: 'row wrap'}, make('span', {class: 'pill good'}, person.kind), make('span', {class: 'id'}, person.id),
      make('span', {class: 'time'}, `version ${person.version}`)),
    make('p', {class: 'note'}, `First seen ${time(person.first_seen)}, last seen ${time(person.last_seen)} (UTC)`),
    chips('Identifiers', identifiers),
    make('div', {class: 'columns'},
      factTable('Attributes', Object.entries(person.attributes)),
      make('div', {}, ...[eventTable(person.events), factTable('Computed', Object.entries(person.computed))].filter(Boolean))),
    chips(person.kind === 'device' ? 'Users' : 'Devices', others),
    chips('Merged from', (person.merged_from || []).map((id) => ['', id.slice(0, 12) + '…'])),
    historyTable(history),
    make('details', {}, make('summary', {}, 'As JSON'), make('pre', {tabindex: 0}, JSON.stringify(person, null, 2)))));
}

async function lookUp(event) {
  event.preventDefault();
  try {
    // In the body, so that the value is in no address and no log.
    const body = JSON.stringify({[$('type').value.trim()]: $('value').value});
    const lookup = ofTenant($('kind').value + '/lookup');
    const [person, identity] = await Promise.all([lookup, lookup + '/identity'].map((path) => call(path, {method: 'POST', body})));
    showProfile(person, identity.history);
  } catch (error) {
    $('profile').replaceChildren(make('p', {class: 'empty'}, error.message));
  }
}

// ---- start

function askForToken(message) {
  $('board').hidden = true;
  $('tenant').parentElement.hidden = true;
  $('login').hidden = false;
  pill('locked', 'warn');
  problem(message);
  $('token').focus();
}

async function loadTenants() {
  const {tenants} = await call('/v1/tenants?limit=1000');
  $('tenant').replaceChildren(...tenants.map(({name}) => make('option', {value: name}, name)));
  state.tenant = tenants.some(({name}) => name === state.tenant) ? state.tenant : tenants[0]?.name || '';
  $('tenant').value = state.tenant;
  $('login').hidden = true;
  $('board').hidden = false;
  $('tenant').parentElement.hidden = false;
  $('lock').hidden = !state.token;
}

async function tick() {
  try {
    if (!state.tenant) await loadTenants();
    const now = await call('/v1/status');
    // It has the first hundred tenants.
    showStatus(now, now.freshness.find((f) => f.tenant === state.tenant) ||
      (state.tenant && await call(ofTenant('freshness'))));
    if ($('problem').dataset.lost) { problem(''); delete $('problem').dataset.lost; }
  } catch (error) {
    if (error.status === 401) return askForToken(state.token ? 'This is not the token.' : '');
    pill('unreachable', 'bad');
    problem(error.status ? error.message : 'The server can’t be reached; trying again.');
    $('problem').dataset.lost = '1';
  }
  setTimeout(tick, document.hidden ? 5000 : 1000);
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

function start() {
  setTheme(localStorage.getItem('freshet-theme'));
  $('theme').addEventListener('click', () => {
    const dark = getComputedStyle(document.documentElement).colorScheme === 'dark';
    setTheme(dark ? 'light' : 'dark');
    localStorage.setItem('freshet-theme', dark ? 'light' : 'dark');
  });
  $('login').addEventListener('submit', (event) => {
    event.preventDefault();
    state.token = $('token').value;
    state.tenant = '';
    sessionStorage.setItem('freshet-token', state.token);
    problem('');
    tick();
  });
  $('lock').addEventListener('click', () => { sessionStorage.removeItem('freshet-token'); location.reload(); });
  $('tenant').addEventListener('change', () => {
    state.tenant = $('tenant').value;
    state.lines.fresh = [];
    $('profile').replaceChildren();
    loadLetters();
  });
  $('lookup').addEventListener('submit', lookUp);
  $('refresh').addEventListener('click', () => loadLetters());
  $('code').addEventListener('change', () => loadLetters());
  $('older').addEventListener('click', () => loadLetters(state.next));
  tick();
}

start();
