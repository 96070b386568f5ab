// Dead letters: what could not go in, whole, and why; shown, corrected and sent again.
import {call, ofTenant, session, text} from './api.js';
import {button, card, cell, confirmed, count, failure, make, note, row, run, showDialog, shown, table, time} from './dom.js';
import {indented, member, parse} from './json.js';

const PAGE = 25;

export const title = 'Dead letters';

export function mount(root, {tenant, query, go}) {
  const code = query.get('code') || '';
  const list = make('tbody');
  const counts = make('div', {id: 'counts'});
  const more = button('Older', () => run(more, () => load(next)), '');
  const filter = make('input', {id: 'code', value: code, placeholder: 'any', autocomplete: 'off', spellcheck: 'false', onchange: () => go('letters', filter.value.trim() ? {code: filter.value.trim()} : {})});
  const all = button(`Replay all of ${code} …`, () => run(all, replayAll));
  const trouble = make('p', {class: 'problem', hidden: true});
  let next = null;
  root.append(make('h1', {}, 'Dead letters'), card('How many came', counts),
    make('section', {class: 'card'}, make('div', {class: 'row between'}, make('label', {}, 'Code ', filter), make('div', {class: 'row'}, code && session.may('operate') ? all : '', button('Refresh', () => load(), ''))), trouble,
      make('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Dead letters'}, make('table', {class: 'wide'},
        make('thead', {}, make('tr', {}, ['Received', 'Source', 'Code', 'Reason', 'Message id'].map((name) => make('th', {scope: 'col'}, name)), make('th', {scope: 'col'}, make('span', {class: 'hidden'}, 'Actions')))), list)), more));

  async function replay(id, body) {
    const answer = await call(ofTenant(tenant, `deadletters/${encodeURIComponent(id)}/replay`), {method: 'POST', ...(body !== undefined && {body})});
    if (answer.failed.length > 0) throw new Error(answer.failed[0].message);
    return 'Replayed.';
  }

  async function replayAll() {
    if (!await confirmed('Replay all', `All dead letters of code ${code} are sent again. What fails stays.`, 'Replay')) return '';
    let replayed = 0, failed = 0, after;
    do {
      const answer = await call(ofTenant(tenant, 'deadletters/replay'), {method: 'POST', body: JSON.stringify({code, ...(after && {after})})});
      replayed += answer.replayed;
      failed += answer.failed.length;
      after = answer.next;
    } while (after);
    load();
    return `${count(replayed)} replayed, ${count(failed)} failed.`;
  }

  async function show(id) {
    // What is sent again is what was sent, but for what somebody changes: so the body is text all the way, never a value.
    const answer = await text(ofTenant(tenant, 'deadletters/' + encodeURIComponent(id)));
    const {body: _, body_text: asText, body_hex: hex, context: __, ...facts} = parse(answer);
    const body = member(answer, 'body'), context = member(answer, 'context');
    const shownBody = body !== undefined ? indented(body) : asText ?? hex ?? '';
    const editable = body !== undefined && facts.body_type === 'json_item' && session.may('operate');
    const area = make('textarea', {rows: 14, spellcheck: 'false', 'aria-label': 'Body'});
    area.value = shownBody;
    const send = button('Send it so', () => run(send, () => replay(id, area.value === shownBody ? body : area.value)), 'primary');
    showDialog('Dead letter', make('dl', {class: 'facts'}, Object.entries(facts).flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, shown(value))])),
      context !== undefined ? make('details', {}, make('summary', {}, 'The rest of the request'), make('pre', {tabindex: 0}, indented(context))) : null,
      editable ? [area, make('div', {class: 'row'}, send)] : make('pre', {tabindex: 0}, shownBody));
  }

  function letterRow(letter) {
    const look = button('Show', () => run(look, async () => { await show(letter.id); return ''; }));
    const again = button('Replay', () => run(again, () => replay(letter.id)));
    return row(cell(time(letter.received_at), 'time'), cell(letter.source || '–'), cell(make('span', {class: 'code'}, letter.code || '–')), cell(letter.reason || '–', 'words'), cell(letter.message_id || '–', 'id'),
      make('td', {class: 'actions'}, look, session.may('operate') ? again : ''));
  }

  async function load(after) {
    try {
      const page = await call(ofTenant(tenant, `deadletters?${new URLSearchParams({limit: PAGE, ...(code && {code}), ...(after && {after})})}`));
      const rows = page.deadletters.map(letterRow);
      if (!after && rows.length === 0) rows.push(make('tr', {}, make('td', {colspan: 6, class: 'empty'}, 'Nothing was set aside.')));
      after ? list.append(...rows) : list.replaceChildren(...rows);
      next = page.next;
      more.hidden = !next;
      trouble.hidden = true;
    } catch (error) {
      trouble.hidden = false;
      trouble.textContent = error.message;
    }
    return '';
  }

  async function loadCounts() {
    const {counts: days, kept, quota} = await call(ofTenant(tenant, 'deadletters/counts'));
    const byCode = {};
    const today = new Date().toISOString().slice(0, 10), week = new Date(Date.now() - 6 * 86400000).toISOString().slice(0, 10);
    for (const {day, code: name, count: n} of days) {
      const one = byCode[name] ||= {today: 0, week: 0, all: 0};
      one.all += n;
      if (day >= week) one.week += n;
      if (day === today) one.today += n;
    }
    counts.replaceChildren(table('Counts', ['Code', '#Today', '#7 days', '#400 days', ''], Object.entries(byCode).sort((a, b) => b[1].week - a[1].week).map(([name, one]) => row(cell(make('span', {class: 'code'}, name)),
      cell(count(one.today), 'number'), cell(count(one.week), 'number'), cell(count(one.all), 'number'), cell(button('Only these', () => go('letters', {code: name})), 'actions'))), 'None came.'),
    note(`${count(kept.letters)} of ${count(quota.letters)} are kept.`));
  }

  more.hidden = true;
  let known = -1;
  if (tenant) load();
  return {
    // New ones are shown as long as nobody has turned pages.
    tick({status}) {
      if (!tenant || !status || status.deadletters === known) return;
      const first = known === -1;
      known = status.deadletters;
      loadCounts().catch((error) => counts.replaceChildren(failure(error)));
      if (!first && list.childElementCount <= PAGE) load();
    },
  };
}
