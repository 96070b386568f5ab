// Fleet: the clusters of Kafka that carry the stream, as `freshet fleet watch` sees them, and what mirrors and captures
// say of themselves. The server asks them (console.fleet of its configuration); this page asks the server.
import {Metrics} from './api.js';
import {bytes, card, cell, count, failure, make, millis, note, percent, pill, problemItems, row, seconds, short, table} from './dom.js';
import {ago, clustersOf, fleetProblemsOf, host} from './watched.js';

const OLD_S = 60;
const GROUPS_MAX = 200;
const TOPICS_MAX = 20;
const SOON_MAX = 5;  // what is not urgent is folded up from there on

export const title = 'Fleet';

function stateOf(one) {
  if (one.away) return pill('bad', 'away');
  if (!one.looked) return pill('warn', 'not seen yet');
  const kind = one.concerns.some(({severity}) => severity === 'critical') ? 'bad' : 'warn';
  return one.concerns.length ? pill(kind, `${one.concerns.length} to look at`) : pill('good', 'well');
}

const PROBES = {fails: ['bad', 'fails'], slow: ['warn', 'slow: ']};
function probeOf({looked, probe}) {
  if (!looked || !probe || probe.verdict === 'off') return '–';
  const [kind, words] = PROBES[probe.verdict] || ['good', ''];
  return pill(kind, kind === 'bad' ? words : words + millis(probe.p99_s == null ? null : probe.p99_s * 1000));
}

// Of those whose machines the watch asks (--machines); null: of none.
function busiest({looked, brokers}) {
  const known = looked ? brokers.map(({cpu}) => cpu).filter((cpu) => cpu != null) : [];
  return known.length ? Math.max(...known) : null;
}

function clusterTable(clusters) {
  return table('Clusters', ['Cluster', 'State', 'Probe, p99', '#Brokers', '#Topics', '#Partitions', '#Under-replicated', '#Offline', '#Being moved', '#Skew of leaders', '#Busiest machine', '#Looked at'], clusters.map((one) => row(
    cell(one.cluster, 'word'), cell(stateOf(one)), cell(probeOf(one)),
    ...[one.brokers.length, one.topics, one.partitions].map((n) => cell(one.looked ? count(n) : '–', 'number')), cell(one.looked ? count(one.under_replicated) : '–', one.under_replicated ? 'number late' : 'number'),
    cell(one.looked ? count(one.offline) : '–', one.offline ? 'number late' : 'number'), cell(one.looked ? count(one.moving) : '–', 'number'), cell(!one.looked || one.skew.leaders == null ? '–' : one.skew.leaders.toFixed(2), 'number'), cell(percent(busiest(one)), busiest(one) > 0.85 ? 'number late' : 'number'),
    cell(ago(one.age), one.age == null || one.age > OLD_S ? 'number late' : 'number'))));
}

const VERDICTS = {ok: ['good', 'keeps up'], warn: ['warn', 'falls behind'], stall: ['bad', 'stands still'], rewind: ['bad', 'went back'], unknown: ['warn', 'not known yet']};
function verdictOf(group) {
  if (group.verdict === 'stop') return pill('bad', group.has_members ? 'stopped' : 'nobody reads');
  return pill(...(VERDICTS[group.verdict] || ['warn', group.verdict]));
}
const lagTime = (group) => group.lag_s == null || group.lag_messages === 0 ? '–' : `${group.lag_is === 'at_least' ? '≥ ' : group.lag_is === 'estimated' ? '≈ ' : ''}${seconds(group.lag_s)}`;

function groupTable(clusters) {
  const groups = clusters.flatMap((one) => one.groups.map((group) => ({...group, cluster: one.cluster})));
  groups.sort((a, b) => (b.lag_s ?? -1) - (a.lag_s ?? -1) || b.lag_messages - a.lag_messages);
  const shown = table('Consumer groups', ['Cluster', 'Group', 'Topic', 'Verdict', '#Messages behind', '#Oldest waits', '#Caught up in', '#Deleted unread in', '#Lost'], groups.slice(0, GROUPS_MAX).map((one) => row(
    cell(one.cluster, 'word'), cell(one.group), cell(one.topic), cell(verdictOf(one)), cell(count(one.lag_messages), 'number'),
    cell(lagTime(one), one.promised_s && one.lag_s > one.promised_s ? 'number late' : 'number'), cell(one.lag_messages === 0 ? '–' : one.catch_up_s == null ? 'never' : seconds(one.catch_up_s), one.lag_messages && one.catch_up_s == null ? 'number late' : 'number'),
    cell(seconds(one.retention_s), one.loses_messages ? 'number late' : 'number'), cell(count(one.lost_messages), one.lost_messages ? 'number late' : 'number'))), 'No group has committed an offset.');
  return [shown, groups.length > GROUPS_MAX ? note(`${count(groups.length - GROUPS_MAX)} more are less behind: freshet fleet watch has them all.`) : ''];
}

function diskTable(clusters) {
  const dirs = clusters.flatMap((one) => one.brokers.flatMap((broker) => broker.log_dirs.map((dir) => ({...dir, cluster: one.cluster, broker: broker.id, share: dir.total_bytes ? dir.used_bytes / dir.total_bytes : null}))));
  dirs.sort((a, b) => (b.failed - a.failed) || (b.share ?? -1) - (a.share ?? -1));
  return table('Disks', ['Cluster', '#Broker', 'Directory', '#Used', '', '#Share', '#Full in'], dirs.map((dir) => row(cell(dir.cluster, 'word'), cell(String(dir.broker), 'number'),
    cell(dir.failed ? [dir.path, ' ', pill('bad', 'failed')] : dir.path), cell(dir.total_bytes ? `${bytes(dir.used_bytes)} of ${bytes(dir.total_bytes)}` : bytes(dir.used_bytes), 'number'),
    cell(dir.share === null ? '' : make('progress', {max: 1, value: Math.min(1, dir.share), 'aria-label': `Broker ${dir.broker}, ${dir.path}: ${percent(dir.share)} used`}), dir.share > 0.85 ? 'late' : ''),
    cell(percent(dir.share), dir.share > 0.85 ? 'number late' : 'number'), cell(dir.full_s == null ? 'it does not fill' : seconds(dir.full_s), dir.full_s != null && dir.full_s < 86400 ? 'number late' : 'number'))), 'No broker has told of its disks.');
}

// The busiest topics, and those whose batches were sampled, with what their producers could do better.
function topicTable(clusters) {
  const topics = clusters.flatMap(({cluster, hot_topics: hot, batches}) => [...new Set([...hot, ...batches].map((one) => one.topic))].map((topic) =>
    ({cluster, topic, batch: null, ...hot.find((one) => one.topic === topic), batch: batches.find((one) => one.topic === topic)})));
  topics.sort((a, b) => (b.in_per_s ?? 0) - (a.in_per_s ?? 0));
  return table('Topics', ['Cluster', 'Topic', '#Messages in / s', '#Bytes in / s', '#Messages read / s', '#Skew', '#Messages a batch', 'What would help'], topics.slice(0, TOPICS_MAX).map((one) => row(cell(one.cluster, 'word'), cell(one.topic),
    cell(short(one.in_per_s), 'number'), cell(bytes(one.in_bytes_per_s), 'number'), cell(short(one.out_per_s), 'number'), cell(one.skew == null ? '–' : one.skew.toFixed(1), 'number'),
    cell(one.batch ? short(one.batch.messages_per_batch) : '–', 'number'), cell(one.batch?.advice || '–', 'words'))), 'Nothing comes into any topic.');
}

function moveTable(clusters) {
  const rows = clusters.flatMap((one) => one.moves.map((move) => row(cell(one.cluster, 'word'), cell(move.topic), cell(String(move.partition), 'number'), cell(move.adding.join(', ') || '–'), cell(move.removing.join(', ') || '–'))));
  const all = clusters.reduce((sum, one) => sum + one.moving, 0);
  return [table('Moves', ['Cluster', 'Topic', '#Partition', 'To brokers', 'Away from'], rows, 'No replica is being moved.'), all > rows.length ? note(`${count(all - rows.length)} more.`) : ''];
}

function moverTables(sources) {
  const mirrors = [], captures = [];
  for (const {address, figures, age_s: age} of sources.filter((one) => one.kind === 'mover')) {
    const metrics = new Metrics(figures);
    const of = (name, labels) => metrics.value(`freshet_mirror_${name}`, labels);
    const old = age > OLD_S ? 'number late' : 'number';
    for (const {labels: {topic}, value} of metrics.all('freshet_mirror_lag_records'))
      mirrors.push(row(cell(host(address)), cell(topic), cell(of('halted', {topic}) > 0 ? pill('bad', 'halted') : pill('good', 'copies')), cell(count(value), 'number'),
        cell(seconds(of('lag_seconds', {topic})), of('lag_seconds', {topic}) > 60 ? 'number late' : 'number'), cell(short(of('records_total')), 'number'), cell(count(of('lost_records_total')), of('lost_records_total') > 0 ? 'number late' : 'number'), cell(ago(age), old)));
    if (metrics.has('freshet_capture_lag_seconds'))
      captures.push(row(cell(host(address)), cell(metrics.value('freshet_capture_following') > 0 ? pill('good', 'follows changes') : pill('warn', 'reads all documents')), cell(seconds(metrics.value('freshet_capture_lag_seconds')), 'number'),
        cell(short(metrics.value('freshet_capture_records_total')), 'number'), cell(count(metrics.value('freshet_capture_set_aside_total')), 'number'), cell(ago(age), old)));
  }
  return [table('Mirrors', ['Process', 'Topic', 'State', '#Offsets behind', '#Seconds behind', '#Records, all topics', '#Lost at the source', '#Looked at'], mirrors, 'No mirror is looked at.'),
    captures.length ? table('Captures', ['Process', 'State', '#Seconds behind', '#Records', '#Set aside', '#Looked at'], captures) : ''];
}

function howTo() {
  return card('No fleet is looked at', note('A process that watches the clusters, and one line of this server’s configuration, show them here:'),
    make('pre', {tabindex: 0}, 'freshet fleet watch fleet.yaml --listen 127.0.0.1:9308 > /dev/null &\n\n# freshet.yaml of the process with the role console\nconsole: {fleet: ["http://127.0.0.1:9308"]}'));
}

function wrongWith(sources, more) {
  const problems = fleetProblemsOf(sources);
  const urgent = problems.filter((one) => one.severity === 'bad').length, shown = Math.max(urgent, Math.min(problems.length, urgent + SOON_MAX));
  more.hidden = shown === problems.length;
  more.firstChild.textContent = `${count(problems.length - shown)} more, less urgent`;
  more.lastChild.replaceChildren(problemItems('What else is wrong', problems.slice(shown)));
  if (problems.length) return problemItems('What is wrong', problems.slice(0, shown));
  return make('div', {class: 'card calm'}, make('h2', {}, 'Nothing is wrong'), note('Every cluster answers, and no group, disk or partition needs anybody.'));
}

export function mount(root) {
  const parts = Object.fromEntries(['wrong', 'clusters', 'groups', 'disks', 'topics', 'moves', 'mirrors'].map((name) => [name, make('div', {id: name})]));
  const more = make('details', {class: 'rest'}, make('summary', {}), make('div', {}));
  const body = make('div', {});
  root.append(make('h1', {}, 'Fleet'), body);
  let drawn = null, shape = null;
  function draw(sources) {
    // The page is built once, so that what somebody has scrolled to or opened stays as it is.
    const wanted = sources.length === 0 ? 'none' : 'some';
    if (shape !== wanted) {
      shape = wanted;
      body.replaceChildren(...(wanted === 'none' ? [howTo()] : [parts.wrong, more, card('Clusters', parts.clusters), card('Consumer groups, the furthest behind first', parts.groups), card('Disks, the fullest first', parts.disks),
        card('Topics, the busiest first', parts.topics), card('Replicas being moved', parts.moves), card('Mirrors and captures', parts.mirrors)]));
    }
    if (wanted === 'none') return;
    const clusters = clustersOf(sources);
    parts.wrong.replaceChildren(wrongWith(sources, more));
    parts.clusters.replaceChildren(clusters.length ? clusterTable(clusters) : note('No watch has answered yet.'));
    parts.groups.replaceChildren(...groupTable(clusters));
    parts.disks.replaceChildren(diskTable(clusters));
    parts.topics.replaceChildren(topicTable(clusters));
    parts.moves.replaceChildren(...moveTable(clusters));
    parts.mirrors.replaceChildren(...moverTables(sources));
  }
  return {
    tick({fleet, fleetError}) {
      if (fleet && fleet !== drawn) draw(drawn = fleet);
      else if (!fleet && fleetError) body.replaceChildren(failure({message: fleetError}));
    },
  };
}
