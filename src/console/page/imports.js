// Imports: how far each file is, and its bad rows.
import {call, ofTenant, text} from './api.js';
import {button, bytes, card, cell, count, failure, make, note, percent, row, run, showDialog, table, time} from './dom.js';

const PAGE = 1000, ALL_MAX = 10000;  // the server has them in no order of time: all are read, up to so many
const SHOWN = 100;           // more with each press
const LOOK_EVERY = 3;        // ticks
const PREVIEW_BYTES = 20000;

export const title = 'Imports';

export function mount(root, {tenant}) {
  const list = make('div', {id: 'imports'}, note('Looking …'));
  root.append(make('h1', {}, 'Imports'), card('Files', note('Newest first. `freshet import FILE` starts one, and goes on with it where it was interrupted.'), list));

  async function showRows(one) {
    const csv = await text(ofTenant(tenant, `imports/${one.id}/rejected`));
    const link = make('a', {href: URL.createObjectURL(new Blob([csv], {type: 'text/csv'})), download: `rejected-${one.name || one.id}`}, 'Save as a file');
    showDialog(`Bad rows of ${one.name || one.id}`, note('As they were sent, with their header: correct them and import this file. Page Dead letters has the reason of each (source csv).'), link, make('pre', {tabindex: 0}, csv.slice(0, PREVIEW_BYTES)));
    return '';
  }

  function importRow(one) {
    const rows = button('Bad rows', () => run(rows, () => showRows(one)));
    const share = one.state === 'complete' ? 1 : one.size > 0 ? one.offset / one.size : null;
    return row(cell(one.name || one.id), cell(make('span', {class: `pill ${one.state === 'complete' ? 'good' : 'warn'}`}, one.state)),
      cell(share === null ? bytes(one.offset) : [make('progress', {max: 1, value: share, 'aria-label': `${one.name}: ${percent(share)}`}), ` ${percent(share)}`]),
      cell(count(one.accepted), 'number'), cell(count(one.rejected), one.rejected ? 'number late' : 'number'), cell(time(one.created_at), 'time'), cell(time(one.updated_at), 'time'), cell(one.rejected ? rows : '', 'actions'));
  }

  let ticks = 0, known = '', most = SHOWN;
  const more = button('Older', () => { most += SHOWN; known = ''; look(); }, '');
  async function load() {
    const all = [];
    let after = '';
    do {
      const page = await call(ofTenant(tenant, `imports?${new URLSearchParams({limit: PAGE, ...(after && {after})})}`));
      all.push(...page.imports);
      after = page.next;
    } while (after && all.length < ALL_MAX);
    const now = JSON.stringify(all);
    if (now === known) return;
    known = now;
    all.sort((a, b) => a.created_at < b.created_at ? 1 : -1);
    list.replaceChildren(table('Imports', ['File', 'State', 'Progress', '#Accepted', '#Bad rows', 'Begun', 'Last change', ''], all.slice(0, most).map(importRow), 'No file was imported yet.'), more, after ? note(`There are more than ${count(ALL_MAX)}: newer ones may be missing here. GET /v1/tenants/${tenant}/imports has all.`) : '');
    more.hidden = all.length <= most;
  }
  const look = () => load().catch((error) => list.replaceChildren(failure(error)));
  if (tenant) look();
  return {tick() { if (tenant && ++ticks % LOOK_EVERY === 0) look(); }};
}
