// Delivery: what hands records on to others (sinks), and what outlives a disk or a process (checkpoints, standbys); and
// how far erasures are, which wait for all of them.
import {call, ofTenant} from './api.js';
import {button, card, cell, count, failure, make, row, run, seconds, table, time} from './dom.js';
import {host} from './watched.js';

export const title = 'Delivery';

const PAGE = 50;

// This process and the others that it looks at: [where it is, metrics].
const partsOf = ({metrics, processes}) => [['this one', metrics], ...processes.map((one) => [host(one.address), one.metrics])];

function sinkTable(seen) {
  const rows = partsOf(seen).flatMap(([process, metrics]) => metrics.all('freshet_sink_up').map(({labels, value}) => {
    const of = (name) => metrics.value(`freshet_sink_${name}`, {tenant: labels.tenant, sink: labels.sink});
    const open = of('circuit_open') > 0;
    return row(cell(process), cell(labels.tenant), cell(labels.sink), cell(make('span', {class: `pill ${value && !open ? 'good' : 'bad'}`}, open ? 'left alone for a while' : value ? 'works' : 'waits for its target')),
      cell(count(of('records_total')), 'number'), cell(count(of('lag_records')), 'number'), cell(seconds(of('lag_seconds')), of('lag_seconds') > 600 ? 'number late' : 'number'),
      cell(count(of('failures_total')), 'number'), cell(count(of('dead_letters_total')), 'number'));
  }));
  return table('Sinks', ['Process', 'Tenant', 'Sink', 'State', '#Handed over', '#Offsets behind', '#Oldest waits', '#Failed attempts', '#Refused'], rows, 'No sink runs in the processes that are looked at.');
}

function checkpointTable(seen) {
  const makers = partsOf(seen).filter(([, metrics]) => metrics.has('freshet_checkpoint_total') || metrics.has('freshet_checkpoint_age_seconds'));
  return table('Checkpoints', ['Process', '#Oldest change in none', '#Made', '#Failed', '#Partitions restored'], makers.map(([process, metrics]) => {
    const failures = metrics.all('freshet_checkpoint_failures_total').filter((one) => one.value > 0).map((one) => `${one.labels.reason}: ${one.value}`).join(', ');
    return row(cell(process), cell(seconds(metrics.value('freshet_checkpoint_age_seconds')), 'number'), cell(count(metrics.value('freshet_checkpoint_total')), 'number'),
      cell(failures || '0', failures ? 'number late' : 'number'), cell(count(metrics.value('freshet_checkpoint_restored_total')), 'number'));
  }), 'None of the processes that are looked at makes any (checkpoints.to).');
}

function workerTable(seen) {
  const rows = partsOf(seen).flatMap(([process, metrics]) => metrics.all('freshet_action_partitions').map(({labels: {worker}}) => {
    const of = (name) => metrics.value(`freshet_action_partitions${name}`, {worker});
    return row(cell(process), cell(`action-${worker}`), cell(count(of('')), 'number'), cell(count(of('_behind')), of('_behind') > 0 ? 'number late' : 'number'), cell(count(of('_followed')), 'number'));
  }));
  return table('Workers', ['Process', 'Worker', '#Partitions', '#Still replayed', '#Followed as a standby'], rows, 'Action runs in processes that are not looked at.');
}

export function mount(root, {tenant}) {
  const parts = Object.fromEntries(['sinks', 'checkpoints', 'workers', 'erasures'].map((name) => [name, make('div', {id: name})]));
  root.append(make('h1', {}, 'Delivery'), card('Sinks', parts.sinks), card('Checkpoints', parts.checkpoints), card('Workers and standbys', parts.workers), card(`Erasures of ${tenant}`, parts.erasures));
  let ticks = 0;
  // The newest first, as the server has them; whoever has turned a page keeps what is shown.
  let shown = [], next = null;
  const more = button('Older', () => run(more, async () => { await loadErasures(next); return ''; }), '');
  async function loadErasures(after) {
    const page = await call(ofTenant(tenant, `erasures?${new URLSearchParams({limit: PAGE, ...(after && {after})})}`));
    shown = after ? [...shown, ...page.erasures] : page.erasures;
    next = page.next;
    more.hidden = !next;
    const erasures = shown;
    parts.erasures.replaceChildren(table('Erasures', ['Order', 'State', 'Waits for', 'Requested', 'Applied', 'Written', 'Verified', '#Profiles'], erasures.map((one) => row(cell(one.id, 'id'),
      cell(make('span', {class: `pill ${one.state === 'verified' ? 'good' : 'warn'}`}, one.state)), cell(one.waits_for || '–'), cell(time(one.requested_at), 'time'), cell(time(one.applied_at), 'time'), cell(time(one.written_at), 'time'),
      cell(time(one.verified_at), 'time'), cell(count(one.profiles), 'number'))), 'Nobody was erased.'), more);
  }
  return {
    tick(seen) {
      if (!seen.metrics) return;
      parts.sinks.replaceChildren(sinkTable(seen));
      parts.checkpoints.replaceChildren(checkpointTable(seen));
      parts.workers.replaceChildren(workerTable(seen));
      if (tenant && ticks++ % 5 === 0 && shown.length <= PAGE) loadErasures().catch((error) => parts.erasures.replaceChildren(failure(error)));
    },
  };
}
