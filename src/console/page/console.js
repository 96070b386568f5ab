// The console: looks at the server every second, and shows the page that the address names (#/flow?tenant=acme). Each
// page is a module: {title, mount(root, context) -> {tick?(seen), stop?()}}.
import {Metrics, Refused, Unreachable, call, ofTenant, session, text} from './api.js';
import {$, make} from './dom.js';
import {isDoubtful, problemsElsewhere, problemsOf} from './problems.js';
import {freshnessOfAll, readProcesses} from './processes.js';
import * as delivery from './delivery.js';
import * as fleet from './fleet.js';
import * as flow from './flow.js';
import * as imports from './imports.js';
import * as letters from './letters.js';
import * as live from './live.js';
import * as person from './person.js';
import * as schema from './schema.js';
import * as tenants from './tenants.js';
import {fleetProblemsOf} from './watched.js';

const PAGES = {flow, live, person, schema, letters, imports, delivery, fleet, tenants};
const LINE_MS = 120000;       // of a line
const LOOK_TIMEOUT_MS = 2000;
const LOOK_MS = 1000, DOUBT_MS = 250, HIDDEN_MS = 5000;  // from the end of a look to the next; in doubt; where nobody sees the page
const DOUBTS_MAX = 20;        // looks of which each follows soon: then it is no doubt any more
const BEFORE_MS = 900;        // at least, between two looks that are compared
const FLEET_MS = 5000, FLEET_ELSEWHERE_MS = 15000;  // from look to look at the fleet: on its page, and on others
const EARLIER_MS = 60000;     // counters are compared with those of so long ago

const state = {
  tenant: '',
  tenants: [],
  page: null,                 // what mount() gave
  looks: [],                  // [ms, metrics] of the last minute
  flows: [],                  // the last looks at the flow, the newest last
  seen: {status: null, flow: null, flowLast: null, flowBefore: null, metrics: null, earlier: null, before: null, rates: null, problems: null, processes: [], fleet: null, fleetError: '', free: [], lines: {in: [], out: [], fresh: [], lag: []}},
  timer: 0,
  others: true,               // other processes are looked at
  fleetAsked: 0,              // when, in ms
  doubts: 0,                  // looks in a row that can't tell a moment's wait from a fault
  silent: 0,                  // looks in a row that were not answered
};

// ---- addresses

function place() {
  const [name, query] = location.hash.replace(/^#\/?/, '').split('?');
  return {name: PAGES[name] ? name : 'flow', query: new URLSearchParams(query || '')};
}
export const addressOf = (name, parameters = {}) => `#/${name}?${new URLSearchParams({tenant: state.tenant, ...parameters})}`;

function showNav(name) {
  const {problems, fleet} = state.seen;
  const wrong = {flow: (problems || []).length, fleet: fleetProblemsOf(fleet || []).filter((one) => one.severity === 'bad').length};
  $('nav').replaceChildren(...Object.entries(PAGES).map(([key, page]) => make('a', {href: addressOf(key), 'aria-current': key === name ? 'page' : null}, page.title,
    wrong[key] > 0 ? make('span', {class: 'count hot'}, String(wrong[key]), make('span', {class: 'hidden'}, ' problems')) : null)));
}

function show() {
  const {name, query} = place();
  const wanted = query.get('tenant');
  if (wanted && state.tenants.includes(wanted)) state.tenant = wanted;
  $('tenant').value = state.tenant;
  state.page?.stop?.();
  $('page').replaceChildren();
  problem('');
  document.title = `${PAGES[name].title} · Freshet`;
  if (name === 'fleet') state.fleetAsked = 0;
  showNav(name);
  $('nav').querySelector('[aria-current]').scrollIntoView({block: 'nearest', inline: 'center'});  // on a phone it may be out of sight
  const go = (page, parameters, kept) => {
    history.pushState(kept || null, '', addressOf(page, parameters));
    show();
  };
  state.page = PAGES[name].mount($('page'), {tenant: state.tenant, query, go, kept: history.state, seen: state.seen, address: addressOf}) || {};
  if (state.seen.status) state.page.tick?.(state.seen);
}

// ---- looking

function ratesOf(now, before) {
  const s = before ? (now.at_ms - before.at_ms) / 1000 : 0;
  return Object.fromEntries(now.stages.map((stage) => {
    const old = before?.stages.find((one) => one.name === stage.name);
    const delta = old && old.done != null && stage.done != null ? stage.done - old.done : -1;
    return [stage.name, s > 0 && delta >= 0 ? delta / s : null];  // negative: the server has started anew
  }));
}

function push(line, ms, value) {
  line.push([ms, value]);
  while (ms - line[0][0] > LINE_MS) line.shift();
}

async function freshnessOf(status) {
  return freshnessOfAll(state.seen).find((one) => one.tenant === state.tenant) || (state.tenant ? call(ofTenant(state.tenant, 'freshness')).catch(() => null) : null);
}

async function take(status, flowNow, metrics) {
  const {seen} = state;
  if (flowNow.at !== state.flows.at(-1)?.at) state.flows.push(flowNow);
  const isBefore = (flow) => Date.parse(flowNow.at) - Date.parse(flow.at) >= BEFORE_MS;
  while (state.flows.length > 2 && isBefore(state.flows[1])) state.flows.shift();
  Object.assign(seen, {status, flow: flowNow, flowLast: state.flows.at(-2), flowBefore: state.flows.findLast(isBefore), metrics});
  state.looks.push([Date.now(), metrics]);
  while (state.looks.length > 1 && Date.now() - state.looks[0][0] > EARLIER_MS) state.looks.shift();
  seen.earlier = state.looks.length > 1 ? state.looks[0][1] : null;
  const free = metrics.value('freshet_disk_free_bytes');
  if (free !== null) seen.free.push([Date.now(), free]);
  if (seen.free.length > 900) seen.free.shift();
  const fresh = await freshnessOf(status);
  if (!seen.before || status.at_ms - seen.before.at_ms >= BEFORE_MS) {
    seen.rates = ratesOf(status, seen.before);
    seen.before = status;
    push(seen.lines.in, status.at_ms, seen.rates.ingest);
    push(seen.lines.out, status.at_ms, seen.rates.reaction);
    push(seen.lines.lag, status.at_ms, status.stages.every((stage) => stage.waiting == null) ? null : status.stages.reduce((sum, stage) => sum + (stage.waiting || 0), 0));
    push(seen.lines.fresh, status.at_ms, fresh?.last_minute.p99_ms ?? null);
  }
  state.doubts = isDoubtful(flowNow) ? state.doubts + 1 : 0;
  seen.problems = problemsOf(seen);
}

// What can be said of a server that did not answer all that it was asked.
function silence(error) {
  const reached = error instanceof Refused;
  const {slow} = error;
  return {
    // A busy machine may be slow once; twice in a row is something else.
    severity: slow && state.silent < 2 ? 'warn' : 'bad', where: location.host,
    what: reached ? `The server refuses to be looked at: ${error.message}` : slow ? state.silent < 2 ? 'The server did not answer a look in time' : 'The server does not answer in time: it is stopped, or waits for its log' : 'The server can’t be reached',
    todo: reached ? 'Its log says more.' : slow ? 'See whether the brokers are up, and whether this process is paused. All goes on by itself when they answer.' : 'See whether the process runs, and whether the way to it is open. This page goes on trying.',
    more: 'docs/operations/runbook.md#freshetdown',
  };
}

// Of a fleet there may be much to say, so it is asked for less often, and nothing else waits for it.
function lookAtFleet(options) {
  if (Date.now() - state.fleetAsked < (place().name === 'fleet' ? FLEET_MS : FLEET_ELSEWHERE_MS)) return;
  state.fleetAsked = Date.now();
  call('/v1/fleet', options).then(({sources}) => Object.assign(state.seen, {fleet: sources, fleetError: ''}), (error) => { state.seen.fleetError = error.message; });
}

async function look() {
  const options = {timeoutMs: LOOK_TIMEOUT_MS};
  lookAtFleet(options);
  const others = state.others ? call('/v1/processes', options) : Promise.resolve(null);
  const [status, flowNow, metrics, processes] = await Promise.allSettled([call('/v1/status', options), call('/v1/flow', options), text('/metrics', options), others]);
  if (processes.value) {
    state.others = processes.value.processes.length > 0;
    state.seen.processes = readProcesses(processes.value, state.seen.processes, Date.now());
  }
  const failed = [status, flowNow, metrics].find((one) => one.status === 'rejected');
  if (failed?.reason.status === 401) throw failed.reason;
  if (failed) {
    ++state.silent;
    // It may be slow in one thing and tell of others all the same.
    state.seen.problems = [silence(failed.reason), ...(processes.value ? problemsElsewhere(state.seen) : [])];
    pill(state.seen.problems[0].severity === 'bad' ? 'unreachable' : 'slow', state.seen.problems[0].severity);
  } else {
    state.silent = 0;
    await take(status.value, flowNow.value, new Metrics(metrics.value));
    const bad = state.seen.problems.filter((one) => one.severity === 'bad').length;
    bad ? pill(`${bad} wrong`, 'bad') : status.value.ready ? pill('ready', 'good') : pill('starting', 'warn');
  }
  showNav(place().name);
  state.page?.tick?.(state.seen);
}

function pill(label, kind) {
  if ($('state').textContent !== label) $('state').textContent = label;
  $('state').className = 'pill ' + kind;
}

function problem(message) {
  $('problem').textContent = message;
  $('problem').hidden = !message;
}

// ---- start

function askForToken(message) {
  state.page?.stop?.();
  state.page = null;
  $('page').replaceChildren();
  $('nav').hidden = true;
  $('tenant').parentElement.hidden = true;
  $('login').hidden = false;
  pill('locked', 'warn');
  problem(message);
  $('token').focus();
}

async function loadTenants() {
  const names = [];
  let after = '';
  do {
    const page = await call(`/v1/tenants?limit=1000&after=${after}`);
    names.push(...page.tenants.map((one) => one.name));
    after = page.next;
  } while (after && names.length < 10000);
  state.tenants = names;
  if (!names.includes(state.tenant)) state.tenant = names[0] || '';
  $('tenant').replaceChildren(...names.map((name) => make('option', {value: name}, name)));
}

async function open() {
  session.role = (await call('/v1/access')).role;
  await loadTenants();
  $('login').hidden = true;
  $('nav').hidden = false;
  $('tenant').parentElement.hidden = false;
  $('lock').hidden = !session.token;
  show();
}

async function turn() {
  let again = true;
  try {
    if (!state.page) await open();
    await look();
  } catch (error) {
    if (error.status === 401) {
      again = false;
      return askForToken(session.token ? 'This is not the token.' : '');
    }
    if (!(error instanceof Refused || error instanceof Unreachable)) throw error;
    pill('unreachable', 'bad');
    problem(`${error.message}; trying again.`);
  } finally {
    if (again) state.timer = setTimeout(turn, document.hidden ? HIDDEN_MS : state.doubts > 0 && state.doubts < DOUBTS_MAX ? DOUBT_MS : LOOK_MS);
  }
}

function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
}

function start() {
  setTheme(localStorage.getItem('freshet-theme'));
  $('theme').addEventListener('click', () => {
    const theme = getComputedStyle(document.documentElement).colorScheme === 'dark' ? 'light' : 'dark';
    setTheme(theme);
    localStorage.setItem('freshet-theme', theme);
  });
  $('login').addEventListener('submit', (event) => {
    event.preventDefault();
    session.setToken($('token').value);
    problem('');
    clearTimeout(state.timer);
    turn();
  });
  $('lock').addEventListener('click', () => { session.setToken(''); location.reload(); });
  $('tenant').addEventListener('change', () => {
    state.tenant = $('tenant').value;
    state.seen.lines.fresh = [];
    location.hash = addressOf(place().name);
  });
  // The link of the skip would be taken for a page's address.
  $('skip').addEventListener('click', (event) => { event.preventDefault(); $('main').focus(); });
  addEventListener('popstate', () => { if (state.page) show(); });
  turn();
}

start();
