// Fleet: the clusters of Kafka that carry the stream, as `freshet fleet watch` sees them, and what mirrors and captures
// say of themselves. The server asks them (console.fleet of its configuration); this page asks the server.
import {Metrics, call} from './api.js';
import {bytes, card, cell, count, make, note, percent, pill, problemItems, row, seconds, short, table} from './dom.js';

const LOOK_MS = 5000;
const OLD_S = 60;
const GROUPS_MAX = 200;

export const title = 'Fleet';

const ago = (s) => s == null ? 'never' : `${seconds(s)} ago`;
const host = (address) => address.replace(/^https?:\/\//, '');

function* problemsOf(sources) {
  for (const {address, error, age_s: age} of sources)
    if (error) yield {severity: 'bad', what: `${host(address)} does not answer: ${error}`, where: age == null ? 'it has never been seen' : `what is shown of it is ${seconds(age)} old`,
      todo: 'See whether the process runs, and whether console.fleet names where it listens.'};
  for (const cluster of clustersOf(sources)) {
    // A watch that was told so says it among its concerns, with the address that it tried.
    if (cluster.away && cluster.concerns.length === 0) yield {severity: 'bad', what: `Cluster ${cluster.cluster} can’t be looked at: ${cluster.error}`, where: cluster.looked ? `last seen ${ago(cluster.age)}` : 'it has never been seen', todo: 'See whether its brokers are up and reachable from where the watch runs.'};
    for (const {severity, subject, what, action} of cluster.concerns) yield {severity: severity === 'critical' ? 'bad' : 'warn', what, where: `cluster ${cluster.cluster}, ${subject}`, todo: action};
  }
}

// What a look says of ages is as of that look.
const clustersOf = (sources) => sources.flatMap(({look, age_s: age}) => (look?.clusters || []).map((one) => ({...one, age: one.age_s == null ? null : one.age_s + age})));

function clusterTable(clusters) {
  return table('Clusters', ['Cluster', 'State', '#Brokers', '#Topics', '#Partitions', '#Under-replicated', '#Offline', '#Being moved', '#Skew of leaders', '#Looked at'], clusters.map((one) => row(
    cell(one.cluster), cell(one.away ? pill('bad', 'away') : !one.looked ? pill('warn', 'not seen yet') : one.concerns.length ? pill('warn', `${one.concerns.length} to look at`) : pill('good', 'well')),
    ...[one.brokers.length, one.topics, one.partitions].map((n) => cell(one.looked ? count(n) : '–', 'number')), cell(one.looked ? count(one.under_replicated) : '–', one.under_replicated ? 'number late' : 'number'),
    cell(one.looked ? count(one.offline) : '–', one.offline ? 'number late' : 'number'), cell(one.looked ? count(one.moving) : '–', 'number'), cell(!one.looked || one.skew.leaders == null ? '–' : one.skew.leaders.toFixed(2), 'number'),
    cell(ago(one.age), one.age == null || one.age > OLD_S ? 'number late' : 'number'))));
}

const VERDICTS = {ok: 'good', warn: 'warn', unknown: 'warn', stop: 'bad', stall: 'bad', rewind: 'bad'};
const lagTime = (group) => group.lag_s == null ? '–' : `${group.lag_is === 'at_least' ? '≥ ' : group.lag_is === 'estimated' ? '≈ ' : ''}${seconds(group.lag_s)}`;

function groupTable(clusters) {
  const groups = clusters.flatMap((one) => one.groups.map((group) => ({...group, cluster: one.cluster})));
  groups.sort((a, b) => (b.lag_s ?? -1) - (a.lag_s ?? -1) || b.lag_messages - a.lag_messages);
  const shown = table('Consumer groups', ['Cluster', 'Group', 'Topic', 'Verdict', '#Messages behind', '#Seconds behind', '#Caught up in', '#Retention in', '#Lost'], groups.slice(0, GROUPS_MAX).map((one) => row(
    cell(one.cluster), cell(one.group), cell(one.topic), cell(pill(VERDICTS[one.verdict] || 'warn', one.verdict)), cell(count(one.lag_messages), 'number'),
    cell(lagTime(one), one.promised_s && one.lag_s > one.promised_s ? 'number late' : 'number'), cell(one.lag_messages === 0 ? '–' : one.catch_up_s == null ? 'never' : seconds(one.catch_up_s), one.lag_messages && one.catch_up_s == null ? 'number late' : 'number'),
    cell(seconds(one.retention_s), one.loses_messages ? 'number late' : 'number'), cell(count(one.lost_messages), one.lost_messages ? 'number late' : 'number'))), 'No group has committed an offset.');
  return [shown, groups.length > GROUPS_MAX ? note(`${count(groups.length - GROUPS_MAX)} more are less behind: freshet fleet watch has them all.`) : ''];
}

function diskTable(clusters) {
  const dirs = clusters.flatMap((one) => one.brokers.flatMap((broker) => broker.log_dirs.map((dir) => ({...dir, cluster: one.cluster, broker: broker.id, share: dir.total_bytes ? dir.used_bytes / dir.total_bytes : null}))));
  dirs.sort((a, b) => (b.failed - a.failed) || (b.share ?? -1) - (a.share ?? -1));
  return table('Disks', ['Cluster', '#Broker', 'Directory', '#Used', '', '#Share', '#Full in'], dirs.map((dir) => row(cell(dir.cluster), cell(String(dir.broker), 'number'),
    cell(dir.failed ? [dir.path, ' ', pill('bad', 'failed')] : dir.path), cell(dir.total_bytes ? `${bytes(dir.used_bytes)} of ${bytes(dir.total_bytes)}` : bytes(dir.used_bytes), 'number'),
    cell(dir.share === null ? '' : make('progress', {max: 1, value: Math.min(1, dir.share), 'aria-label': `Broker ${dir.broker}, ${dir.path}: ${percent(dir.share)} used`}), dir.share > 0.85 ? 'late' : ''),
    cell(percent(dir.share), dir.share > 0.85 ? 'number late' : 'number'), cell(dir.full_s == null ? 'it does not fill' : seconds(dir.full_s), dir.full_s != null && dir.full_s < 86400 ? 'number late' : 'number'))), 'No broker has told of its disks.');
}

function moveTable(clusters) {
  const rows = clusters.flatMap((one) => one.moves.map((move) => row(cell(one.cluster), cell(move.topic), cell(String(move.partition), 'number'), cell(move.adding.join(', ') || '–'), cell(move.removing.join(', ') || '–'))));
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

export function mount(root) {
  const parts = Object.fromEntries(['wrong', 'clusters', 'groups', 'disks', 'moves', 'mirrors'].map((name) => [name, make('div', {id: name})]));
  const body = make('div', {});
  root.append(make('h1', {}, 'Fleet'), body);
  let asked = 0, stopped = false, shape = null;
  function draw(sources) {
    // The page is built once, so that what somebody has scrolled to stays where it is.
    const wanted = sources.length === 0 ? 'none' : 'some';
    if (shape !== wanted) {
      shape = wanted;
      body.replaceChildren(...(wanted === 'none' ? [howTo()] : [parts.wrong, card('Clusters', parts.clusters), card('Consumer groups, the furthest behind first', parts.groups), card('Disks, the fullest first', parts.disks),
        card('Replicas being moved', parts.moves), card('Mirrors and captures', parts.mirrors)]));
    }
    if (wanted === 'none') return;
    const clusters = clustersOf(sources);
    const problems = [...problemsOf(sources)].sort((a, b) => (a.severity === 'bad' ? 0 : 1) - (b.severity === 'bad' ? 0 : 1));
    parts.wrong.replaceChildren(problems.length ? problemItems('What is wrong', problems) : make('div', {class: 'card calm'}, make('h2', {}, 'Nothing is wrong'), note('Every cluster answers, and no group, disk or partition needs anybody.')));
    parts.clusters.replaceChildren(clusters.length ? clusterTable(clusters) : note('No watch has answered yet.'));
    parts.groups.replaceChildren(...groupTable(clusters));
    parts.disks.replaceChildren(diskTable(clusters));
    parts.moves.replaceChildren(...moveTable(clusters));
    parts.mirrors.replaceChildren(...moverTables(sources));
  }
  return {
    tick() {
      if (Date.now() - asked < LOOK_MS) return;
      asked = Date.now();
      call('/v1/fleet', {timeoutMs: 2000}).then(({sources}) => { if (!stopped) draw(sources); }, (error) => {
        asked = 0;
        if (!stopped && shape === null) body.replaceChildren(make('p', {class: 'problem'}, error.message));
      });
    },
    stop() { stopped = true; },
  };
}
