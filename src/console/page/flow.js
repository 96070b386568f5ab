// Flow: what is wrong first, then the pipeline as a picture, then who is slow and what runs out next.
import {call, ofTenant} from './api.js';
import {makeChart} from './chart.js';
import {bytes, card, cell, count, failure, make, millis, note, percent, pill, problemItems, row, seconds, short, svg, table} from './dom.js';
import {nextToRunOut, silenceOfLog} from './problems.js';
import {freshnessOfAll} from './processes.js';
import {host} from './watched.js';

// ---- the picture

const W = 172, H = 84, GAP = 46, GAP_DOWN = 28;
const NODES = ['ingest', 'actions', 'action', 'changes', 'reaction', 'profiles'];

// Where each box is: in a row where there is room, else in a column.
function layout(wide) {
  return Object.fromEntries(NODES.map((name, i) => [name, wide ? {x: 4 + i * (W + GAP), y: 20} : {x: 4, y: 4 + i * (H + GAP_DOWN)}]));
}

function box(at, kind, title, lines, state) {
  return svg('g', {class: `node ${kind} ${state || ''}`, transform: `translate(${at.x},${at.y})`},
    svg('rect', {width: W, height: H, rx: kind === 'topic' ? 30 : 10}),
    svg('text', {x: W / 2, y: 24, class: 'title'}, title),
    lines.map((line, i) => svg('text', {x: W / 2, y: 46 + i * 20}, line)));
}

function arrow(from, to, wide) {
  const d = wide ? `M${from.x + W + 3},${from.y + H / 2} L${to.x - 6},${to.y + H / 2}` : `M${from.x + W / 2},${from.y + H + 3} L${to.x + W / 2},${to.y - 6}`;
  return svg('path', {d, class: 'arrow', 'marker-end': 'url(#tip)'});
}

function picture(seen, wide) {
  const at = layout(wide);
  const stages = Object.fromEntries((seen.status?.stages || []).map((stage) => [stage.name, stage]));
  const flow = Object.fromEntries((seen.flow?.stages || []).map((stage) => [stage.name, stage]));
  const rate = (name) => seen.rates?.[name] == null ? '–' : `${short(seen.rates[name])} / s`;
  const age = (stage) => stage?.oldest_at ? Math.max(0, (Date.parse(seen.flow.at) - Date.parse(stage.oldest_at)) / 1000) : stage?.lag > 0 ? null : 0;
  const state = (stage) => !stage || stage.lag === null ? silenceOfLog(seen) : age(stage) > 10 ? 'bad' : age(stage) > 1 ? 'warn' : '';
  const waits = (stage) => stage?.lag == null ? ['no answer'] : stage.lag ? [`${count(stage.lag)} waiting`, `oldest ${seconds(age(stage))}`] : ['nothing waits'];
  const overflow = stages.ingest?.waiting;
  const freshness = freshnessOfAll(seen);
  const worst = slowestOf(freshness);
  // Where reaction runs elsewhere, so does the count of freshness.
  const counted = !(stages.reaction?.done > 0) || freshness.some((one) => one.count > 0);
  const boxes = [
    box(at.ingest, 'stage', 'Ingest', [rate('ingest'), overflow ? `${count(overflow)} over their rate` : `${count(stages.ingest?.done)} taken`], overflow ? 'warn' : ''),
    box(at.actions, 'topic', 'actions', waits(flow.action), state(flow.action)),
    box(at.action, 'stage', 'Action', [rate('action'), `${count(stages.action?.done)} done`]),
    box(at.changes, 'topic', 'changes', waits(flow.reaction), state(flow.reaction)),
    box(at.reaction, 'stage', 'Reaction', [rate('reaction'), `${count(stages.reaction?.done)} written`]),
    box(at.profiles, 'topic', 'Profiles', worst !== null ? [`p99 ${millis(worst)}`, 'readable'] : counted ? ['idle', 'readable'] : ['freshness: see', 'process of reaction']),
  ];
  const size = wide ? [6 * W + 5 * GAP + 8, H + 28] : [W + 8, 6 * H + 5 * GAP_DOWN + 8];
  const said = `Ingest ${rate('ingest')}, ${waits(flow.action).join(', ')}, action ${rate('action')}, ${waits(flow.reaction).join(', ')}, reaction ${rate('reaction')}`;
  return svg('svg', {class: 'picture', viewBox: `0 0 ${size[0]} ${size[1]}`, role: 'img', 'aria-label': said},
    svg('defs', {}, svg('marker', {id: 'tip', viewBox: '0 0 8 8', refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto'}, svg('path', {d: 'M0,0 L8,4 L0,8 Z', class: 'tip'}))),
    NODES.slice(1).map((name, i) => arrow(at[NODES[i]], at[name], wide)), boxes);
}

// ---- what is wrong

function problemList(problems, ready) {
  if (problems === null) return make('div', {class: 'card'}, make('h2', {}, 'Looking …'));
  if (problems.length === 0)
    return make('div', {class: 'card calm'}, make('h2', {}, 'Nothing is wrong'), note(ready ? 'Every stage moves, every store answers, and nothing is nearly full.' : 'It is starting.'));
  return problemItems('What is wrong', problems);
}

// ---- tables

// What a stage does at a time, and how long it took over the last minute: of this process.
const STEPS = {ingest: 'freshet_ingest_request_seconds', action: 'freshet_action_commit_seconds', reaction: 'freshet_docstore_bulk_seconds'};
function stepOf(stage, q, {metrics, earlier}) {
  const s = metrics.quantile(STEPS[stage], q, earlier);
  return s === null ? '–' : s === Infinity ? 'longer' : `≤ ${millis(s * 1000)}`;
}

function stageTable(seen) {
  const ages = Object.fromEntries((seen.flow?.stages || []).map((stage) => [stage.name === 'overflow' ? 'ingest' : stage.name, stage]));
  return table('Stages', ['Stage', '#Done / s', '#Done', '#Waiting', '#Oldest waits', '#Partitions that wait', '#A step, p50', '#p99'], (seen.status?.stages || []).map((stage) => {
    const flow = ages[stage.name];
    const age = flow?.oldest_at ? seconds(Math.max(0, (Date.parse(seen.flow.at) - Date.parse(flow.oldest_at)) / 1000)) : '–';
    return row(cell(stage.name), cell(short(seen.rates?.[stage.name]), 'number'), cell(count(stage.done), 'number'), cell(count(stage.waiting), 'number'), cell(age, 'number'),
      cell(flow ? `${flow.waiting.length} of ${flow.partitions}` : '–', 'number'), ...[0.5, 0.99].map((q) => cell(stepOf(stage.name, q, seen), 'number')));
  }), 'This process has none.');
}

// Of the tenant that is the slowest there.
function slowestOf(freshness) {
  const known = freshness.map((one) => one.last_minute.p99_ms).filter((ms) => ms != null);
  return known.length ? Math.max(...known) : null;
}

// Other processes, by the names that they have.
function processTable({processes}) {
  return table('Processes', ['Process', 'Roles', 'State', '#Taken in / s', '#Processed / s', '#Changes / s', '#Freshness, p99', '#Partitions', '#Disk free', '#Looked at'], processes.map((one) => row(
    cell(one.name === host(one.address) ? one.name : [one.name, make('div', {class: 'where'}, host(one.address))]), cell(one.roles), cell(one.error ? pill('bad', 'no answer') : one.ready ? pill('good', 'ready') : pill('warn', 'not ready')),
    cell(short(one.rates.ingest), 'number'), cell(short(one.rates.action), 'number'), cell(short(one.rates.reaction), 'number'), cell(millis(slowestOf(one.freshness)), 'number'), cell(count(one.partitions), 'number'),
    cell(one.disk ? `${bytes(one.free)} (${percent(one.free / one.disk)})` : '–', one.disk && one.free / one.disk < 0.15 ? 'number late' : 'number'),
    cell(one.age === null ? 'never' : `${seconds(one.age)} ago`, one.age === null || one.age > 10 ? 'number late' : 'number'))));
}

function partitionTable(seen) {
  const at = Date.parse(seen.flow?.at);
  const rows = (seen.flow?.stages || []).flatMap((stage) => stage.waiting.slice(0, 64).map((part) => row(cell(stage.name), cell(String(part.partition), 'number'),
    cell(count(part.lag), 'number'), cell(part.oldest_at ? seconds(Math.max(0, (at - Date.parse(part.oldest_at)) / 1000)) : '–', 'number'), cell(count(part.done), 'number'), cell(count(part.end), 'number'))));
  return table('Partitions', ['Stage', '#Partition', '#Waiting', '#Oldest waits', '#Done up to', '#End'], rows, 'No partition has records that wait.');
}

function freshnessTable(seen) {
  const slow = (one) => one.last_minute.p99_ms ?? -1;
  const rows = freshnessOfAll(seen).sort((a, b) => slow(b) - slow(a)).slice(0, 100).map(({tenant, last_minute: minute, objective, overflow, count: all}) => {
    const kind = (ms) => ms > objective.within_ms ? 'number late' : 'number';
    const good = all ? 1 - objective.late / all : null;
    return row(cell(make('a', {href: `#/tenants?tenant=${tenant}`}, tenant)), ...[minute.p50_ms, minute.p99_ms, minute.p999_ms].map((ms) => cell(millis(ms), kind(ms))), cell(count(minute.count), 'number'),
      cell(count(overflow?.records), 'number'), cell(`${percent(objective.share)} in ${objective.within_ms / 1000} s`), cell(percent(good), good !== null && good < objective.share ? 'number late' : 'number'));
  });
  const more = (seen.status?.tenants || 0) - rows.length;
  return [table('Freshness by tenant', ['Tenant', '#p50', '#p99', '#p99.9', '#Changes', '#Over its rate', 'Objective', '#Kept since the start'], rows, 'No tenant yet.'), more > 0 ? note(`${count(more)} more tenants are faster, or idle: of ${count(seen.status.tenants)} the slowest are shown.`) : ''];
}

function nextTable(seen, extra) {
  const rows = nextToRunOut({metrics: seen.metrics, free: seen.free, processes: seen.processes, ...extra}).map((one) => row(cell(one.what),
    cell(one.of === null ? '–' : one.unit === 'bytes' ? `${bytes(one.used)} of ${bytes(one.of)}` : `${count(one.used)} of ${count(one.of)}`, 'number'),
    cell(make('progress', {max: 1, value: Math.min(1, one.share), 'aria-label': `${one.what}: ${percent(one.share)} used`}), one.share > 0.85 ? 'late' : ''), cell(percent(one.share), one.share > 0.85 ? 'number late' : 'number'), cell(one.note, 'words')));
  return table('What runs out next', ['What', '#Used', '', '#Share', ''], rows, 'Nothing is known yet.');
}

const WARNINGS = ['blocked_identifier', 'identifier_too_long', 'bad_identifier', 'unknown_identifier_type'];

function identityTable({refused, dropped, warnings}) {
  const rows = [...Object.entries(refused).map(([reason, times]) => ['Joins refused', reason, times]),
    ...Object.entries(dropped).map(([reason, times]) => ['Identifiers and references dropped', reason, times]),
    ...WARNINGS.filter((code) => warnings[code]).map((code) => ['Identifiers not used by ingest', code, warnings[code]])];
  return table('Identity', ['What', 'Reason', '#Times'], rows.map(([what, reason, times]) => row(cell(what), cell(reason), cell(count(times), 'number'))), 'Nothing was refused or left out.');
}

// A figure with its last two minutes.
function makeTile(title, format, unit = '') {
  const figure = make('p', {class: 'figure'}), chart = makeChart(`${title}, last two minutes`, (value) => format(value) + unit);
  return {
    element: make('div', {class: 'card tile'}, make('h2', {}, title), figure, chart.element),
    show(value, points) {
      figure.replaceChildren(format(value), unit && value != null ? make('small', {}, unit) : '');
      chart.set(points);
    },
    end: chart.end,
  };
}

export const title = 'Flow';

export function mount(root, {tenant}) {
  const wide = matchMedia('(min-width: 900px)');
  const parts = Object.fromEntries(['problems', 'picture', 'tiles', 'stages', 'partitions', 'processes', 'freshness', 'next', 'identity'].map((name) => [name, make('div', {id: name})]));
  parts.tiles.className = 'tiles';
  const tiles = {in: makeTile('Events in', short, ' / s'), out: makeTile('Profile changes out', short, ' / s'), fresh: makeTile('Freshness of this tenant, p99', millis), lag: makeTile('Waiting', short)};
  parts.tiles.append(...Object.values(tiles).map((one) => one.element));
  const open = make('details', {}, make('summary', {}, 'By partition'), parts.partitions);
  const others = card('Other processes', note('Rates are of the last seconds; a rate of a role that a process does not play is a dash.'), parts.processes);
  others.hidden = true;
  root.append(make('h1', {}, 'Flow'), parts.problems, make('section', {class: 'card', 'aria-label': 'The pipeline'}, parts.picture), parts.tiles,
    card('Stages', note('A step is a request of ingest, a commit of action, a bulk of writes of reaction (MongoDB): of this process, over the last minute.'), parts.stages, open), others,
    card('Freshness, the slowest first', note('How long from receiving a record until its profile can be read, over the last minute. What is over a tenant’s rate waits before that.'), parts.freshness),
    card('What runs out next', parts.next),
    card('Identity', note('What was refused or left out since the start, and why.'), parts.identity));
  const extra = {}, failed = new Map();  // what else may run out, and what could not be asked for
  let asked = 0;
  const tick = (seen) => {
    parts.problems.replaceChildren(problemList(seen.problems, seen.status?.ready));
    if (!seen.status || !seen.metrics) return;
    parts.picture.replaceChildren(picture(seen, wide.matches));
    const {lines} = seen;
    for (const [name, tile] of Object.entries(tiles)) tile.show(lines[name].at(-1)?.[1], lines[name]);
    parts.stages.replaceChildren(stageTable(seen));
    if (open.open) parts.partitions.replaceChildren(partitionTable(seen));
    others.hidden = seen.processes.length === 0;
    parts.processes.replaceChildren(processTable(seen));
    parts.freshness.replaceChildren(...freshnessTable(seen));
    parts.next.replaceChildren(nextTable(seen, extra), ...[...failed.values()].map(failure));
    parts.identity.replaceChildren(identityTable(seen.status.identity));
    if (tenant && Date.now() - asked > 15000) {
      asked = Date.now();
      for (const [name, path] of [['schema', 'schema'], ['letters', 'deadletters/counts']])
        call(ofTenant(tenant, path)).then((found) => { extra[name] = found; failed.delete(name); }, (error) => failed.set(name, {message: `${path}: ${error.message}`}));
    }
  };
  return {tick, stop: () => Object.values(tiles).forEach((one) => one.end())};
}
