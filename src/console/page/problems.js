// What is wrong, in words, with what to do: pure functions of what the server says. The limits are those of the alert
// rules (deploy/prometheus/freshet.yml), without their patience: who looks wants to know now.

import {freshnessOfAll} from './processes.js';
import {fleetProblemsOf, host} from './watched.js';

const BAD = 'bad', WARN = 'warn';
const STALLED_S = 1.5;     // the oldest record waits so long, and none of its partition was done for a second
const BEHIND_S = 10;      // the oldest record waits so long
const CLOCK_S = 5;
const FIGURES_OLD_S = 10;  // what another process said so long ago is not judged any more
const DAY_S = 86400;

const plural = (n, one, many = one + 's') => `${Math.round(n).toLocaleString('en')} ${n === 1 ? one : many}`;
const pct = (share) => `${(share * 100).toFixed(share < 0.01 ? 2 : share < 0.1 ? 1 : 0)} %`;
const problem = (severity, what, where, todo, more) => ({severity, what, where, todo, more: more && `docs/operations/runbook.md#${more}`});

// How much a counter has grown since the look before; 0 where it was not there, or began anew.
const growth = (now, before, name, labels) => before ? Math.max(0, (now.value(name, labels) || 0) - (before.value(name, labels) || 0)) : 0;

// ---- the stages

function ageOf(stage, atMs) { return stage.oldest_at ? (atMs - Date.parse(stage.oldest_at)) / 1000 : 0; }

// Of any process that writes to it, where this one is told of them.
const storeTakesNothing = (seen) => [seen, ...(seen.processes || [])].some(({metrics, earlier}) =>
  growth(metrics, earlier, 'freshet_reaction_retries_total') > 0 && growth(metrics, earlier, 'freshet_reaction_writes_total') === 0);

// Partitions of the stage where records wait and none was done since the flow of before, a second or more ago; none of
// them unless one has waited for long, or is held back by a transaction that was open then, too: what can't be told to
// be a record (a marker of a transaction) has no age.
function stalled(stage, seen) {
  const before = seen.flowBefore?.stages.find((one) => one.name === stage.name);
  const old = (part) => before?.waiting.find((one) => one.partition === part.partition && one.done === part.done);
  const stuck = stage.waiting.filter(old);
  const oldest = Math.max(0, ...stuck.map((part) => ageOf(part, Date.parse(seen.flow.at))));
  return oldest >= STALLED_S || stuck.some((part) => part.held && old(part).held) ? stuck : [];
}

const isHeld = (stage) => stage.waiting.some((part) => part.held);

// Whether the log tells what waits: '' it does; WARN not this once, or others get on; BAD nobody does.
export function silenceOfLog({flow, flowLast, metrics, processes = []}) {
  if ([metrics, ...processes.filter(isJudged).map((one) => one.metrics)].some((one) => one?.value('freshet_log_silent') > 0)) return BAD;
  if (!isUntold(flow)) return '';
  return isUntold(flowLast) && !processes.some(({error, rates}) => !error && (rates.ingest > 0 || rates.action > 0)) ? BAD : WARN;
}

const isUntold = (flow) => flow?.stages.some((stage) => stage.name !== 'overflow' && stage.lag === null) || false;

// Whether somebody should look again soon, as the next look may tell a moment's wait from a fault.
export const isDoubtful = (flow) => isUntold(flow) || (flow?.stages.some((stage) => isHeld(stage) || ageOf(stage, Date.parse(flow.at)) > 0.5) ?? false);

// How many records wait of a stage: {records, told}. What has no age, and is not held back, is markers of transactions,
// unless the log is silent.
export function waitingOf(flow) {
  const told = !!flow && flow.stages.length > 0 && flow.stages.every((stage) => stage.lag !== null);
  return {told, records: (flow?.stages || []).reduce((sum, stage) => sum + (stage.oldest_at || isHeld(stage) ? stage.lag : 0), 0)};
}

function* ofStages(seen) {
  const {flow} = seen;
  const by = Object.fromEntries((flow?.stages || []).map((stage) => [stage.name, stage]));
  const silence = silenceOfLog(seen);
  if (silence === WARN) {
    yield problem(WARN, 'The log does not tell in time what waits', 'its brokers, as this process reaches them',
      'A busy machine or a broker that restarts does this once. If it stays so, see whether the brokers are well; the other processes show whether records get on.', 'freshetlogsilent');
    return;
  }
  if (silence === BAD) {
    yield problem(BAD, 'The log does not answer: nothing is accepted or processed', 'its brokers, and the topics actions and changes',
      'See whether the brokers are up and reachable from here, and whether somebody deleted a topic. Nothing that was accepted is lost; all goes on by itself when they answer.', 'freshetlogsilent');
    return;
  }
  if (!flow) return;
  const atMs = Date.parse(flow.at);
  const oldest = (stage) => `${plural(stage.lag, 'record')} wait${stage.lag === 1 ? 's' : ''}, ${stage.oldest_at ? `the oldest for ${ageOf(stage, atMs).toFixed(0)} s` : 'behind a transaction that was left open'}`;
  const where = (stage, parts = stage.waiting) => parts.length === stage.partitions ? `all ${plural(stage.partitions, 'partition')}` :
    `partition${parts.length === 1 ? '' : 's'} ${parts.slice(0, 8).map((one) => one.partition).sort((a, b) => a - b).join(', ')}${parts.length > 8 ? ', …' : ''} of ${stage.partitions}`;
  const stuck = {action: by.action ? stalled(by.action, seen) : [], reaction: by.reaction ? stalled(by.reaction, seen) : []};
  if (storeTakesNothing(seen)) {
    yield problem(BAD, 'The profile store takes nothing', `reaction: ${by.reaction ? oldest(by.reaction) : 'changes wait'}`,
      'See whether the store (MongoDB, if profiles are there) is up and reachable from here. Changes wait in the log, and are written when it is back.', 'freshetstoreaway');
  } else if (stuck.reaction.length > 0) {
    yield problem(BAD, `Reaction stands still: ${oldest(by.reaction)}`, `changes, ${where(by.reaction, stuck.reaction)}`,
      'See whether the process with the role reaction runs (its /healthz), and whether the profile store answers it; its log says what it waits for.', 'freshetstoreaway');
  } else if (by.reaction && ageOf(by.reaction, atMs) > BEHIND_S) {
    yield problem(WARN, `Reaction is behind: ${oldest(by.reaction)}`, `changes, ${where(by.reaction)}`, 'It works. If the lag grows, the profile store is too slow: see its own CPU and disk.', 'freshetfreshnessburn');
  }
  if (stuck.action.length > 0) {
    yield problem(BAD, `Action stands still: ${oldest(by.action)}`, `actions, ${where(by.action, stuck.action)}`,
      'A process with the role action is stopped, paused or cut off: ask the /healthz of each. If one is gone for good, start another; it takes the partitions over.', 'freshetlag');
  } else if (by.action && ageOf(by.action, atMs) > BEHIND_S) {
    yield problem(WARN, `Action is behind: ${oldest(by.action)}`, `actions, ${where(by.action)}`, 'It works. If the lag grows, add a process with the role action, or give it more CPU.', 'freshetlag');
  }
}

// ---- one process and its machine: {metrics, earlier, atMs}, when it said so

function* ofMachine({metrics, atMs}) {
  const free = metrics.value('freshet_disk_free_bytes'), all = metrics.value('freshet_disk_bytes');
  if (free !== null && all > 0 && free / all < 0.15)
    yield problem(free / all < 0.05 ? BAD : WARN, `The disk is nearly full: ${pct(free / all)} is free`, 'the file system of the data directory',
      'Give it more room, or remove what is not Freshet’s. When nothing is left, requests are refused, and nothing that was accepted is lost.', 'freshetdiskfilling');
  const off = metrics.value('freshet_clock_seconds');
  if (off !== null && Math.abs(atMs / 1000 - off) > CLOCK_S + 2)
    yield problem(WARN, `The clocks of the server and of this browser differ by ${Math.abs(atMs / 1000 - off).toFixed(0)} s`, 'its machine, or yours',
      'If it is the server’s: start its time synchronisation. Times of records are taken from it.', 'freshetclockoff');
  for (const {labels, value} of metrics.all('freshet_http_tls_certificate_end_seconds')) {
    const left = value - Date.now() / 1000;
    if (left < 14 * DAY_S)
      yield problem(left < 3 * DAY_S ? BAD : WARN, `A certificate ends in ${Math.max(0, left / DAY_S).toFixed(1)} days`, `listener ${labels.listener}`, 'Put a new one in its place and send SIGHUP.', 'freshetcertificateends');
  }
}

// Metrics that should be 0: what it means, and what to do.
const SIGNS = [
  ['freshet_store_unhealthy', BAD, 'A store can’t be read or written', 'Its log names the files. docs/operations/damage.md has what each store recovers from.', 'freshetstoreunhealthy'],
  ['freshet_log_lost_rows_total', BAD, 'The log has lost rows that were acknowledged', 'See docs/operations/damage.md: what was lost, and who has to send it again.', 'freshetloglost'],
  ['freshet_scrub_damaged_total', BAD, 'Files are damaged on the disk', 'Its log names them. docs/operations/damage.md has what each store recovers from.', 'freshetstoreunhealthy'],
  ['freshet_profiles_rebuilding', WARN, 'Profiles are being made anew: some are not to be found yet', 'Wait: /readyz says when it is done.', 'freshetnotready'],
  ['freshet_tenants_unreadable_total', WARN, 'Changes of tenants in the log could not be read', 'Run the newest release that changes tenants here, too.'],
  ['freshet_config_reload_failures_total', WARN, 'A changed configuration was refused', 'Its log says why, and so does `freshet check FILE`.'],
  ['freshet_admin_audit_failures_total', WARN, 'What people did could not be written to audit.jsonl', 'Its log says why.'],
];

function* ofSigns({metrics}) {
  for (const [name, severity, what, todo, more] of SIGNS)
    for (const {labels, value} of metrics.all(name))
      if (value > 0) yield problem(severity, what, labels.store ? `store ${labels.store}` : labels.tenant ? `tenant ${labels.tenant}` : 'the whole of it', todo, more);
  const age = metrics.value('freshet_checkpoint_age_seconds');
  if (age > 600)
    yield problem(age > 3600 ? BAD : WARN, `What the last ${(age / 60).toFixed(0)} minutes brought is in no checkpoint`, 'checkpoints',
      'See whether the bucket is reachable and takes writes; the log says what failed.', 'freshetcheckpointold');
  const erasure = metrics.value('freshet_erasures_oldest_pending_seconds');
  if (erasure > DAY_S)
    yield problem(WARN, `An erasure has been pending for ${(erasure / DAY_S).toFixed(1)} days`, 'erasures', 'Its status says what it waits for: page Delivery.', 'fresheterasurelate');
}

function* ofSinks({metrics}) {
  for (const {labels, value} of metrics.all('freshet_sink_up')) {
    const {tenant, sink} = labels;
    const lag = metrics.value('freshet_sink_lag_seconds', labels) || 0;
    if (value === 0 && (metrics.value('freshet_sink_failures_total', labels) || 0) > 0)
      yield problem(WARN, `A sink can’t hand over; its oldest record has waited for ${lag.toFixed(0)} s`, `sink ${sink} of tenant ${tenant}`,
        'See whether its target is up and takes what it gets. Records wait in the topic for as long as its retention.', 'freshetsinkbehind');
    else if (lag > 600)
      yield problem(WARN, `A sink is ${(lag / 60).toFixed(0)} minutes behind`, `sink ${sink} of tenant ${tenant}`, 'Its target is slow: raise `concurrency` or `rate`, or speed the target up.', 'freshetsinkbehind');
  }
}

// Of tenants, at this process.
function* ofItems({metrics, earlier}) {
  // Of the fullest of its lanes: the server knows what each takes, in records and in bytes.
  for (const {labels: {tenant}, value: full} of metrics.all('freshet_overflow_full_ratio'))
    if (full > 0.5)
      yield problem(full > 0.9 ? BAD : WARN, `${pct(full)} of what may wait of a tenant waits; when it is full, it gets 429`, `tenant ${tenant}`,
        'It sends more than its rate. Raise `rate`, or talk to whoever sends.', 'freshetoverflowfull');
  // Whoever has nothing accepted may have no series of what was.
  for (const tenant of new Set(metrics.all('freshet_ingest_rejected_total').map(({labels}) => labels.tenant))) {
    const rejected = growth(metrics, earlier, 'freshet_ingest_rejected_total', {tenant});
    const taken = growth(metrics, earlier, 'freshet_ingest_items_total', {tenant});
    if (rejected >= 5 && rejected / (rejected + taken) > 0.05)
      yield problem(WARN, `${pct(rejected / (rejected + taken))} of the items of the last minute were rejected`, `tenant ${tenant}`, 'Page Dead letters has each with its reason.', 'freshetitemsrejected');
  }
  const letters = growth(metrics, earlier, 'freshet_action_dead_letters_total') + growth(metrics, earlier, 'freshet_reaction_poison_total');
  if (letters > 0)
    yield problem(WARN, `${plural(letters, 'record')} of the last minute could not be processed or written`, 'action and reaction', 'Page Dead letters has each with its reason.', 'freshetdeadletters');
}

const ofProcess = (one) => [...ofMachine(one), ...ofSigns(one), ...ofSinks(one), ...ofItems(one)];

// ---- tenants, over all processes

function* ofTenants(seen) {
  for (const {tenant, last_minute: minute, objective} of freshnessOfAll(seen)) {
    if (!objective || minute.count < 20) continue;
    const late = objective.late_last_minute / minute.count;
    if (late > 14.4 * (1 - objective.share))
      yield problem(WARN, `${pct(late)} of the last minute’s records could be read later than ${objective.within_ms / 1000} s; ${pct(1 - objective.share)} may be`, `tenant ${tenant}`,
        'The picture shows at which stage records wait.', 'freshetfreshnessburn');
  }
}

// ---- other processes, where this one is told of them

const isJudged = ({age}) => age !== null && age < FIGURES_OLD_S;

function* ofProcesses({processes = []}) {
  for (const one of processes) {
    const {name, roles, error, age, address} = one;
    // What it said of itself just before it fell silent may be the reason.
    if (isJudged(one))
      for (const found of ofProcess({metrics: one.metrics, earlier: one.earlier, atMs: one.at})) yield {...found, where: `process ${name} (${host(address)}): ${found.where}`};
    if (!error) continue;
    yield problem(age === null || age > 3 ? BAD : WARN, `Process ${name} does not answer`, `${roles === '–' ? '' : roles + ', '}${address}, ${age === null ? 'never seen' : `last seen ${age.toFixed(0)} s ago`}: ${error.replace(`${address}: `, '')}`,
      'See whether it runs and is not paused, and whether the way to its admin listener is open.', 'freshetdown');
  }
}

// Page Fleet has all of it; who looks at the first page must know that there is something.
function* ofFleet({fleet}) {
  const wrong = fleetProblemsOf(fleet || []).filter((one) => one.severity === BAD);
  if (wrong.length > 0)
    yield problem(BAD, wrong.length === 1 ? `Fleet: ${wrong[0].what}` : `Fleet: ${plural(wrong.length, 'thing')} are wrong; the first: ${wrong[0].what}`, wrong[0].where || 'the clusters of Kafka', `${wrong[0].todo} Page Fleet has the rest.`);
}

function* ofReadiness({status, metrics}, others) {
  if (!status || status.ready || others.some((one) => one.severity === BAD)) return;
  const behind = metrics.value('freshet_action_partitions_behind') || 0;
  yield problem(WARN, behind > 0 ? `Not ready: ${plural(behind, 'partition')} still replay${behind === 1 ? 's' : ''} what was committed` : 'Not ready', 'this process',
    'After a start that takes seconds. If it stays so, its log says what it waits for.', 'freshetnotready');
}

const worstFirst = (found) => found.sort((a, b) => (a.severity === BAD ? 0 : 1) - (b.severity === BAD ? 0 : 1));

// What is wrong with others, where this server tells of them.
export const problemsElsewhere = (seen) => worstFirst([...ofProcesses(seen), ...ofFleet(seen)]);

// `seen`: {status, processes, fleet, flow, flowLast (of the look before), flowBefore (of a second ago, or more), metrics,
// earlier (metrics of about a minute ago)}. The worst comes first.
export function problemsOf(seen) {
  const found = [...ofStages(seen), ...ofProcess({metrics: seen.metrics, earlier: seen.earlier, atMs: Date.now()}), ...ofTenants(seen), ...problemsElsewhere(seen)];
  found.push(...ofReadiness(seen, found));
  return worstFirst(found);
}

// What is used up next: [{what, used, of, share, note}], the fullest first. `free`: [[ms, bytes free]] of some minutes.
export function nextToRunOut({metrics, schema, letters, free, processes = []}) {
  const out = [];
  const add = (what, used, of, unit, more = '') => { if (of > 0) out.push({what, used, of, unit, share: used / of, note: more}); };
  const disk = metrics.value('freshet_disk_bytes'), left = metrics.value('freshet_disk_free_bytes');
  if (disk > 0) {
    const [first, last] = [free[0], free[free.length - 1]];
    const perSecond = first && last[0] - first[0] > 30000 ? (first[1] - last[1]) / (last[0] - first[0]) * 1000 : 0;
    const hours = perSecond > 0 ? left / perSecond / 3600 : Infinity;
    add('Disk', disk - left, disk, 'bytes', hours < 24 * 90 ? `at this pace full in ${hours < 48 ? hours.toFixed(0) + ' h' : (hours / 24).toFixed(0) + ' days'}` : '');
  }
  for (const one of processes) if (one.disk > 0) add(`Disk of ${one.name}`, one.disk - one.free, one.disk, 'bytes', one.error ? `as of ${one.age.toFixed(0)} s ago` : '');
  if (schema) {
    add('Names of events', schema.event_names.used, schema.event_names.limit, 'count', 'then new names are refused');
    add('Attributes of users', schema.user_attributes.length, schema.user_attributes_limit, 'count', 'then new names are refused');
  }
  if (letters) add('Dead letters kept', letters.kept.letters, letters.quota.letters, 'count', 'then the oldest go');
  for (const {name, metrics: said} of [{name: '', metrics}, ...processes]) {
    const of = name && ` of ${name}`;
    const [fullest] = said.all('freshet_overflow_full_ratio').toSorted((a, b) => b.value - a.value);
    if (fullest) out.push({what: `Overflow${of} of tenant ${fullest.labels.tenant}`, used: null, of: null, share: fullest.value, note: 'the fullest; then it gets 429'});
    for (const {labels, value} of said.all('freshet_http_tls_certificate_end_seconds')) {
      const days = (value - Date.now() / 1000) / DAY_S;
      out.push({what: `Certificate of ${labels.listener}${of}`, used: null, of: null, share: Math.max(0, 1 - days / 90), note: `ends in ${days.toFixed(0)} days`});
    }
  }
  return out.sort((a, b) => b.share - a.share);
}
