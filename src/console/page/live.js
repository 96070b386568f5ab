// Live tail: what happens to a tenant's records, or a person's, as it happens. A record is followed by who it was
// resolved to and when it was received: its event in topic `events`, its change in topic `changes`.
import {ofTenant, post, stream} from './api.js';
import {briefId, button, cell, clock, empty, make, note, row, shown, time} from './dom.js';

const ROWS_MAX = 60;
const WAIT_S = 15;
const AGAIN_MS = 2000;

const keyOf = (id, receivedAt) => `${id} ${receivedAt}`;
const described = (op) => `${op.op.replaceAll('_', ' ')} ${op.name || op.section}${op.value !== undefined ? ' = ' + shown(op.value) : ''}`.slice(0, 160);

export const title = 'Live tail';

export function mount(root, {tenant, kept, go}) {
  const stopped = new AbortController();
  const records = new Map();  // by profile and time of receipt, the newest last
  const following = kept?.follow || null;  // {kind, type, value}
  let paused = false, person = null, count = 0;
  const said = make('p', {class: 'note', role: 'status'}, 'Waiting for records …');
  const trouble = make('p', {class: 'problem', hidden: true});
  const body = make('tbody');
  const pause = button('Pause', () => { paused = !paused; pause.textContent = paused ? 'Go on' : 'Pause'; if (!paused) draw(); });
  const type = make('input', {value: following?.type || 'user_id', 'aria-label': 'Identifier', required: true, autocomplete: 'off', spellcheck: 'false'});
  const value = make('input', {value: following?.value || '', 'aria-label': 'Value', autocomplete: 'off', spellcheck: 'false'});
  const kind = make('select', {'aria-label': 'Kind'}, make('option', {value: 'users'}, 'User'), make('option', {value: 'devices'}, 'Device'));
  kind.value = following?.kind || 'users';
  const filter = make('input', {'aria-label': 'Only records with this text', placeholder: 'any', autocomplete: 'off', spellcheck: 'false', oninput: () => draw()});

  root.append(make('h1', {}, 'Live tail'), make('div', {class: 'card'},
    make('form', {class: 'row wrap', onsubmit: (event) => { event.preventDefault(); go('live', {}, value.value ? {follow: {kind: kind.value, type: type.value.trim(), value: value.value}} : null); }},
      make('label', {}, 'Follow ', kind), make('label', {}, type), make('label', {class: 'grow'}, value), make('button', {class: 'primary'}, 'Follow'),
      following ? button('Everybody', () => go('live', {}, null), '') : null),
    make('div', {class: 'row wrap between'}, make('label', {}, 'Only with ', filter), make('div', {class: 'row'}, pause, button('Clear', () => { records.clear(); draw(); }))), said, trouble),
    make('div', {class: 'card'}, make('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Records'}, make('table', {class: 'wide'},
      make('thead', {}, make('tr', {}, ['Received', 'Resolved to', 'What', 'Followed through'].map((name) => make('th', {scope: 'col'}, name)))), body))));

  function draw() {
    if (paused) return;
    const wanted = filter.value.trim().toLowerCase();
    const all = [...records.values()].reverse().filter((one) => !wanted || one.text.includes(wanted));
    body.replaceChildren(...all.slice(0, ROWS_MAX).map((one) => row(cell(clock(one.receivedAt), 'time'),
      cell(make('span', {class: 'id', title: one.id}, `${one.kind} ${briefId(one.id)}`)), cell(make('div', {}, one.what.map((line) => make('div', {}, line)))),
      cell(make('ol', {class: 'steps'}, make('li', {}, `received ${clock(one.receivedAt)}`), one.steps.map((step) => make('li', {}, step)))))));
    if (all.length === 0) body.replaceChildren(make('tr', {}, make('td', {colspan: 4}, empty(records.size ? 'No record has this text.' : 'No record yet.'))));
    said.textContent = `${following ? `Following ${following.type}` : `All of tenant ${tenant}`}: ${count} records since this page was opened, the newest first. Times are the server’s (UTC).`;
  }

  function entry(id, kindOf, receivedAt) {
    const key = keyOf(id, receivedAt);
    if (!records.has(key)) {
      records.set(key, {id, kind: kindOf, receivedAt, what: [], steps: [], text: id});
      ++count;
      if (records.size > ROWS_MAX) records.delete(records.keys().next().value);
    }
    return records.get(key);
  }
  function note_(one, what, step) {
    one.what.push(...what);
    one.steps.push(step);
    one.text += ' ' + what.join(' ').toLowerCase() + ' ' + step.toLowerCase();
  }

  const take = {
    events(record) {
      const id = record.user || record.device;
      if (person && record.user !== person && record.device !== person) return;
      note_(entry(id, record.user ? 'user' : 'device', record.received_at), [`${record.event} ${record.properties && Object.keys(record.properties).length ? shown(record.properties).slice(0, 160) : ''}`],
        `event ${record.message_id} by ${record.source}, its own time ${time(record.timestamp)}`);
    },
    changes(record) {
      if (person && record.id !== person) return;
      const ops = record.ops || [];
      note_(entry(record.id, record.kind, record.received_at), [...ops.slice(0, 2).map(described), ...(ops.length > 2 ? [`and ${ops.length - 2} more`] : []), ...(record.removed ? ['removed'] : [])],
        `change to version ${record.version}${record.whole ? ', whole' : ''}`);
    },
  };

  // What the API refuses is shown in its own words; the other topic goes on. That nobody has asked for a topic to be
  // written is no fault.
  const refused = new Map();
  function tell(topic, {status, message}) {
    refused.set(topic, {status, message});
    trouble.hidden = false;
    trouble.className = [...refused.values()].every((one) => one.status === 409) ? 'note' : 'problem';
    trouble.textContent = [...refused].map(([of, one]) => one.status === 409 ? `No ${of} are shown: ${one.message}.` : `${of}: ${one.message}`).join(' · ');
  }

  async function follow(topic) {
    let after = 'end';
    while (!stopped.signal.aborted) {
      try {
        const page = await stream(tenant, topic, after, WAIT_S, stopped.signal);
        page.records.forEach(take[topic]);
        after = page.cursor || after;
        if (page.records.length) draw();
      } catch (error) {
        if (stopped.signal.aborted) return;
        tell(topic, error);
        if (error.status === 409 || error.status === 404) return;
        if (error.status === 410) after = 'end';
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  async function begin() {
    if (following) {
      try {
        person = (await post(ofTenant(tenant, `${following.kind}/lookup`), {[following.type]: following.value})).id;
      } catch (error) {
        trouble.hidden = false;
        trouble.textContent = error.status === 404 ? `${error.message}. Nothing of it can be followed yet; try again when it was seen.` : error.message;
        return;
      }
    }
    draw();
    follow('events');
    follow('changes');
  }
  if (tenant) begin();
  else root.append(note('There is no tenant.'));
  return {stop: () => stopped.abort()};
}
