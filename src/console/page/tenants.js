// Tenants: which there are, and of one its settings, its keys' fingerprints, and what it sends. Keys are never shown.
import {call, ofTenant, session} from './api.js';
import {bytes, card, cell, count, failure, make, millis, note, percent, row, short, table, time} from './dom.js';
import {compact, pretty} from './json.js';

export const title = 'Tenants';

const PAGE = 100;

export function mount(root, {tenant, address}) {
  const list = make('div', {id: 'list'}), one = make('div', {id: 'one'}), rates = make('div', {id: 'rates'});
  const more = make('button', {type: 'button', hidden: true, onclick: () => loadMore()}, 'More');
  const rows = make('tbody');
  root.append(make('h1', {}, 'Tenants'), card(tenant ? `What ${tenant} sends` : 'What is sent', rates), card(tenant ? `Settings of ${tenant}` : 'Settings', one),
    card('All tenants', list, more));
  list.append(make('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'All tenants'}, make('table', {}, make('thead', {}, make('tr', {}, ['Name', 'From', 'Revision', 'Changed'].map((name) => make('th', {scope: 'col'}, name)))), rows)));
  let after = '', before = null;

  async function load() {
    const page = await call(`/v1/tenants?limit=${PAGE}&after=${after}`);
    rows.append(...page.tenants.map(({name, from, revision, at}) => row(cell(make('a', {href: address('tenants', {tenant: name})}, name)), cell(from === 'api' ? 'the API' : 'the file'), cell(String(revision)), cell(time(at), 'time'))));
    after = page.next;
    more.hidden = !after;
  }

  async function loadOne() {
    const {settings, keys, from} = await call(ofTenant(tenant));
    const prints = (values) => values.length ? values.join(', ') : 'none';
    const {rate, limits, objective, ...rest} = settings;
    one.replaceChildren(note(`From ${from.settings.from === 'api' ? 'the API' : 'the file'}, revision ${from.settings.revision}, ${time(from.settings.at)}.`), make('dl', {class: 'facts'},
      [['Write keys', prints(keys.write_keys)], ['Server keys', prints(keys.server_keys)], ['Secret of the data API', keys.data_api_secret || 'none'], ['Rate', rate ? `${count(rate.events_per_second)} records / s, ${count(rate.burst || rate.events_per_second)} at once` : 'no limit'],
        ['Limits', limits ? compact(limits) : 'as usual'], ['Objective', objective ? compact(objective) : 'as of all']].flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, value)])),
    note(`Of keys only the first digits of their SHA-256 are shown. Server keys and the secret of the data API may erase and merge persons, and sinks take them elsewhere: a token of the role erase adds them${session.may('erase') ? '' : ', this one does not'}.`), make('details', {}, make('summary', {}, 'All settings'), make('pre', {tabindex: 0}, pretty(rest))));
  }

  if (tenant) loadOne().catch((error) => one.replaceChildren(failure(error)));
  const loadMore = () => load().catch((error) => list.append(failure(error)));
  loadMore();
  return {
    tick({metrics, status}) {
      if (!metrics || !tenant) return;
      const now = {at: Date.now(), items: metrics.value('freshet_ingest_items_total', {tenant}), rejected: metrics.value('freshet_ingest_rejected_total', {tenant})};
      const per = (name) => before && now[name] !== null ? Math.max(0, now[name] - (before[name] || 0)) / (now.at - before.at) * 1000 : null;
      const fresh = status?.freshness.find((f) => f.tenant === tenant);
      const waits = (name) => metrics.value(`freshet_overflow_waiting_${name}`, {tenant}) || 0;
      rates.replaceChildren(table('Rates', ['What', '#Now', '#Since the start'], [
        row(cell('Items accepted'), cell(`${short(per('items'))} / s`, 'number'), cell(count(now.items), 'number')), row(cell('Items rejected'), cell(`${short(per('rejected'))} / s`, 'number'), cell(count(now.rejected), 'number')),
        row(cell('Over its rate, waiting'), cell(`${count(waits('records'))} records, ${bytes(waits('bytes'))}`, 'number'), cell(count(metrics.value('freshet_overflow_records_total', {tenant})), 'number')),
        row(cell('Freshness, p99'), cell(millis(fresh?.last_minute.p99_ms), 'number'), cell(millis(fresh?.p99_ms), 'number')),
        row(cell('Within the objective'), cell(fresh?.last_minute.count ? percent(1 - fresh.objective.late_last_minute / fresh.last_minute.count) : '–', 'number'), cell(fresh?.count ? percent(1 - fresh.objective.late / fresh.count) : '–', 'number'))]));
      if (!before || now.at - before.at > 900) before = now;
    },
  };
}
