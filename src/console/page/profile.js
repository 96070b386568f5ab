// What is known of a person or a device: events over time, and those that it refers to, each of which opens.
import {call, ofTenant} from './api.js';
import {briefId, button, cell, count, failure, make, note, row, shown, svg, table, time} from './dom.js';

const REFERRED_SHOWN = 50;
const AXIS = 160, BAR = 10;  // of the picture of a name's time

export function facts(name, entries) {
  if (entries.length === 0) return null;
  return make('div', {}, make('h3', {}, name), make('table', {}, make('tbody', {}, entries.map(([key, value]) => make('tr', {}, make('th', {scope: 'row'}, key), cell(shown(value)))))));
}

// From the first event of a name to its last, on the axis of all of them. A profile keeps no more of each.
function span(stats, from, to) {
  const at = (text) => to > from ? (Date.parse(text) - from) / (to - from) * (AXIS - BAR) : 0;
  const x = at(stats.first_at), width = at(stats.last_at) - x + BAR;
  return svg('svg', {class: 'span', viewBox: `0 0 ${AXIS} 14`, role: 'img', 'aria-label': `${count(stats.count)} from ${time(stats.first_at)} to ${time(stats.last_at)}`},
    svg('path', {class: 'axis', d: `M0,7 L${AXIS},7`}), svg('rect', {x: x.toFixed(1), y: 2, width: width.toFixed(1), height: 10, rx: 5}));
}

export function eventTable(events) {
  const rows = Object.entries(events).sort((a, b) => b[1].last_at < a[1].last_at ? -1 : 1);
  const from = Math.min(...rows.map(([, one]) => Date.parse(one.first_at))), to = Math.max(...rows.map(([, one]) => Date.parse(one.last_at)));
  return make('div', {}, make('h3', {}, 'Events over time'), table('Events', ['Event', '#Count', 'First', 'Last', 'Between them'],
    rows.map(([name, stats]) => row(cell(name), cell(count(stats.count), 'number'), cell(time(stats.first_at), 'time'), cell(time(stats.last_at), 'time'), cell(span(stats, from, to)))), 'No event yet.'));
}

// Devices of a user, or users of a device: asked for when they are opened. `open`: goes to one by an identifier.
export function referredTo(tenant, profile, open) {
  const [kind, one] = profile.kind === 'user' ? ['devices', 'Device'] : ['users', 'User'];
  const ids = profile[kind] || [];
  if (ids.length === 0) return null;
  const item = (id) => {
    const inside = make('div', {}, note('Looking …'));
    const details = make('details', {ontoggle: () => {
      if (!details.open || details.dataset.asked) return;
      details.dataset.asked = 'yes';
      call(ofTenant(tenant, `profiles/${kind}/${id}`)).then((found) => {
        const identifiers = Object.entries(found.identifiers);
        inside.replaceChildren(...[facts('Identifiers', identifiers), facts('Attributes', Object.entries(found.attributes)), note(`First seen ${time(found.first_seen)}, last seen ${time(found.last_seen)} (UTC)`),
          identifiers.length > 0 ? button(`Open this ${one.toLowerCase()}`, () => open(kind, identifiers[0][0], identifiers[0][1][0])) : ''].filter(Boolean));
      }, (error) => inside.replaceChildren(failure(error)));
    }}, make('summary', {}, `${one} `, make('span', {class: 'id'}, briefId(id))), inside);
    return make('li', {}, details);
  };
  return make('div', {}, make('h3', {}, `${one}s (${count(ids.length)})`), make('ul', {class: 'referred'}, ids.slice(0, REFERRED_SHOWN).map(item)),
    ids.length > REFERRED_SHOWN ? note(`${count(ids.length - REFERRED_SHOWN)} more are in the JSON below.`) : null);
}
