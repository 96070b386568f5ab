// Events of a person by day, from the newest back: as topic `events` has them, a part of it at a time.
import {ofTenant, post} from './api.js';
import {button, capital, cell, count, make, note, row, run, svg, table, time} from './dom.js';

const BAR = 120;

const sumOf = (events) => Object.values(events).reduce((sum, n) => sum + n, 0);

// A day that a part ends in goes on in the next part.
export function joined(days, more) {
  const out = new Map(days.map(({day, events}) => [day, {...events}]));
  for (const {day, events} of more) {
    const known = out.get(day) || {};
    for (const [name, n] of Object.entries(events)) known[name] = (known[name] || 0) + n;
    out.set(day, known);
  }
  return [...out].map(([day, events]) => ({day, events})).sort((a, b) => a.day < b.day ? 1 : -1);
}

function dayTable(days) {
  const most = Math.max(1, ...days.map(({events}) => sumOf(events)));
  const bar = (n) => svg('svg', {class: 'span', viewBox: `0 0 ${BAR} 14`, 'aria-hidden': 'true'}, svg('rect', {x: 0, y: 2, width: Math.max(2, n / most * BAR).toFixed(1), height: 10, rx: 3}));
  const said = (events) => Object.entries(events).sort((a, b) => b[1] - a[1]).map(([name, n]) => make('span', {class: 'chip'}, make('b', {}, count(n)), name));
  return table('Events by day', ['Day (UTC)', '#Events', '', 'Which'], days.map(({day, events}) => row(cell(day, 'time'), cell(count(sumOf(events)), 'number'), cell(bar(sumOf(events))), cell(said(events), 'words'))), 'None in what was looked at.');
}

const latestTable = (latest) => table('The latest events', ['Event', 'Its time', 'Received', 'Record'], latest.map((one) => row(cell(one.event), cell(time(one.timestamp), 'time'), cell(time(one.received_at), 'time'), cell(one.message_id, 'id'))));

// `who`: {type, value}. It asks by itself, and its answer fills the element that is returned.
export function eventDays(tenant, {type, value}) {
  const out = make('div', {id: 'days'}, note('Looking …'));
  let days = [], latest = [], next = '';
  const older = button('Look further back', () => run(older, load), '');
  async function load() {
    const part = await post(ofTenant(tenant, `users/lookup/events?${new URLSearchParams(next ? {before: next} : {})}`), {[type]: value});
    days = joined(days, part.days);
    if (!next) ({latest} = part);
    next = part.next || '';
    older.hidden = !next;
    out.replaceChildren(dayTable(days), latest.length ? make('details', {}, make('summary', {}, `The latest ${count(latest.length)}, each with its record`), latestTable(latest)) : '',
      note(!next ? 'That is all that topic events keeps.' : part.back_to ? `Of what was received from ${time(part.back_to)} on.` : 'Nothing so far.'), older);
    return '';
  }
  load().catch((error) => out.replaceChildren(note(error.code === 'not_written' ? `By day they are not known: ${error.message}.` : `${capital(error.message)}.`)));
  return out;
}
