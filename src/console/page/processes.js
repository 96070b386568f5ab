// What other processes say of themselves (GET /v1/processes): each with its name, its roles and its rates.
import {Metrics} from './api.js';
import {host} from './watched.js';

const EARLIER_MS = 60000;  // counters are compared with those of so long ago
const DONE = {ingest: ['freshet_ingest_items_total'], action: ['freshet_action_records_total'], reaction: ['freshet_reaction_changes_total', 'freshet_action_changes_total']};

// `before`: what this returned of the look before. A process that said nothing since then keeps its rates.
export function readProcesses({processes}, before, nowMs) {
  return processes.map((one) => {
    const metrics = new Metrics(one.figures);
    const info = metrics.all('freshet_process_info')[0]?.labels || {};
    const old = before.find((other) => other.address === one.address);
    const at = one.age_s === null ? null : nowMs - one.age_s * 1000;
    const done = Object.fromEntries(Object.entries(DONE).map(([stage, names]) => [stage, names.map((name) => metrics.value(name)).find((value) => value !== null) ?? null]));
    const moved = old && old.at !== null && at - old.at > 500;
    const looks = [...(old?.looks || []), ...(at !== null && (moved || !old || old.at === null) ? [[at, metrics]] : [])]
      .filter((_, i, all) => i === all.length - 1 || all[i + 1][0] > nowMs - EARLIER_MS);
    const rate = (stage) => {
      if (!moved) return old ? old.rates[stage] : null;
      const delta = done[stage] !== null && old.done[stage] !== null ? done[stage] - old.done[stage] : -1;
      return delta >= 0 ? delta / (at - old.at) * 1000 : null;  // negative: it has started anew
    };
    return {
      looks, earlier: looks.length > 1 ? looks[0][1] : null,
      address: one.address, age: one.age_s, error: one.error, metrics, freshness: one.look?.freshness || [], done: moved || !old ? done : old.done, at: moved || !old ? at : old.at,
      name: info.process || host(one.address), roles: info.roles || '–', ready: metrics.value('freshet_ready') === 1,
      rates: {ingest: rate('ingest'), action: rate('action'), reaction: rate('reaction')},
      partitions: metrics.value('freshet_action_partitions'), free: metrics.value('freshet_disk_free_bytes'), disk: metrics.value('freshet_disk_bytes'),
    };
  });
}

// Freshness by tenant over this process and the others: of quantiles the worst, of counts the sum.
export function freshnessOfAll({status, processes = []}) {
  const out = new Map((status?.freshness || []).map((one) => [one.tenant, structuredClone(one)]));
  const worse = (a, b) => a == null ? b : b == null ? a : Math.max(a, b);
  for (const one of processes.flatMap((process) => process.freshness)) {
    const {tenant, count, last_minute: minute, objective} = one;
    if (count === 0) continue;
    const all = out.get(tenant);
    // Each process tells of those that are the slowest with it: where nothing is written here, of none of them.
    if (!all) {
      out.set(tenant, structuredClone(one));
      continue;
    }
    all.count += count;
    all.last_minute.count += minute.count;
    for (const name of ['p50_ms', 'p99_ms', 'p999_ms']) all.last_minute[name] = worse(all.last_minute[name], minute[name]);
    if (!objective || !all.objective) continue;
    all.objective.late += objective.late;
    all.objective.late_last_minute += objective.late_last_minute;
  }
  return [...out.values()];
}
