// What becomes of records, joined from what three topics and the looks at the flow say: no I/O, and no page.
//
//   actions  a record as it was accepted: by its message id
//   events   whom it was resolved to: by the same message id
//   changes  what it changed: by that profile and the time of receipt, which all records of one request share
//   flow     how far action and reaction are in each partition, so whether this record was processed, this change written
import {shown} from './dom.js';

const EARLY_MAX = 1000;  // lines that came before what they belong to
const ALONE_MS = 3000;   // a change that belongs to no record by then is shown by itself

const described = (op) => `${op.op.replaceAll('_', ' ')} ${op.name || op.section}${op.value !== undefined ? ' = ' + shown(op.value) : ''}`.slice(0, 160);
const brief = (value) => shown(value).slice(0, 160);
const groupOf = (id, receivedAt) => `${id} ${receivedAt}`;

function whatOf({kind, events, attributes}) {
  const told = events.map(({event, properties}) => `${event} ${Object.keys(properties).length ? brief(properties) : ''}`.trim());
  if (attributes > 0) told.push(`${attributes} attribute${attributes === 1 ? '' : 's'}`);
  return told.length ? told : [kind];
}

const identifiersOf = (record) => [['users', record.user], ['devices', record.device]].flatMap(([kind, by]) =>
  Object.entries(by).flatMap(([type, values]) => values.map((value) => ({kind, type, value}))));

// Whether the stage has done what lies there, as of this look; `after`: a look from before that says nothing.
function isDone(flow, name, {partition, offset}, after) {
  const stage = flow?.stages.find((one) => one.name === name);
  if (!stage || stage.lag === null || Date.parse(flow.at) < Date.parse(after)) return false;
  const part = stage.waiting.find((one) => one.partition === partition);
  return part ? part.done > offset : true;
}

export class Tail {
  constructor(rowsMax) {
    this.rowsMax = rowsMax;
    this.records = new Map();  // by message id, the newest last
    this.early = new Map();    // what came before its record: key -> [[ms, line]]
    this.count = 0;
  }
  clear() {
    this.records.clear();
    this.early.clear();
  }

  actions({partition, offset, read_at: readAt, record}, nowMs) {
    const known = this.records.get(record.message_id);
    if (known) return void known.steps.push({at: record.received_at, text: 'received again: repetitions are dropped'});
    const one = {receivedAt: record.received_at, what: whatOf(record), identifiers: identifiersOf(record), id: '', entity: '', place: {partition, offset}, readAt, processed: false, changes: [],
      steps: [{at: record.received_at, text: `received by ${record.source}, as ${record.message_id}`}, {at: readAt, text: `in actions, partition ${partition}, offset ${offset}`}]};
    this.add(record.message_id, one);
    this.take(record.message_id).forEach((line) => this.events(line, nowMs));
  }

  events(line, nowMs) {
    const {record, read_at: readAt} = line;
    const one = this.records.get(record.message_id);
    if (!one) return this.keep(record.message_id, line, nowMs);
    if (one.processed !== 'event') one.steps.push({at: readAt, text: `event of ${record.timestamp.replace('T', ' ').replace('Z', '')} written for others`});
    one.processed = 'event';
    this.resolve(one, record.user || record.device, record.user ? 'user' : 'device', readAt, nowMs);
  }

  changes(line, nowMs) {
    const {record} = line, group = groupOf(record.id, record.received_at);
    const of = [...this.records.values()].filter((one) => one.id === record.id && one.receivedAt === record.received_at);
    if (of.length === 0) return this.keep(group, line, nowMs);
    of.forEach((one) => this.change(one, line, of.length));
  }

  // Whom a record belongs to is known from its event, or by asking for its identifier once it was processed.
  resolve(one, id, entity, at, nowMs) {
    if (one.id) return;
    Object.assign(one, {id, entity});
    one.steps.push({at, text: `resolved to ${entity} ${id.slice(0, 12)}…`});
    this.take(groupOf(id, one.receivedAt)).forEach((line) => this.changes(line, nowMs));
  }

  change(one, {partition, offset, read_at: readAt, record}, sharers) {
    // What a sender has set says more than counts and times.
    const isTold = (op) => op.section === 'attributes' || op.section === 'identifiers';
    const ops = (record.ops || []).toSorted((a, b) => isTold(b) - isTold(a));
    const told = [...ops.slice(0, 3).map(described), ...(ops.length > 3 ? [`and ${ops.length - 3} more`] : []), ...(record.removed ? ['removed'] : [])].join('; ');
    one.steps.push({at: readAt, text: `change to version ${record.version}${record.whole ? ', whole' : ''}${sharers > 1 ? `, of the ${sharers} received at once` : ''}: ${told}`});
    one.changes.push({place: {partition, offset}, version: record.version, readAt, written: false});
  }

  // With each look at the flow: what was processed and written by then.
  tick(flow, nowMs) {
    for (const one of this.records.values()) {
      if (one.place && !one.processed && isDone(flow, 'action', one.place, one.readAt)) {
        one.processed = true;
        one.steps.push({at: flow.at, text: 'processed by then'});
      }
      for (const change of one.changes)
        if (!change.written && isDone(flow, 'reaction', change.place, change.readAt)) {
          change.written = true;
          one.steps.push({at: flow.at, text: `version ${change.version} written by then`});
        }
    }
    for (const [key, lines] of this.early) {
      if (nowMs - lines[0][0] < ALONE_MS) continue;
      this.early.delete(key);
      for (const [, line] of lines) if (line.record.ops) this.alone(line);
    }
  }

  // A change of a record that is out of sight, as of one that a merge brought along.
  alone(line) {
    const {record} = line, key = `change ${groupOf(record.id, record.received_at)}`;
    if (!this.records.has(key)) this.add(key, {receivedAt: record.received_at, what: ['a change'], identifiers: [], id: record.id, entity: record.kind, processed: true, changes: [], steps: [{at: record.received_at, text: 'received'}]});
    this.change(this.records.get(key), line, 1);
  }

  // Those that were processed and are nobody's yet, the newest first.
  unresolved() { return [...this.records.values()].filter((one) => one.processed && !one.id && !one.nobodys && one.identifiers.length > 0).reverse(); }

  // It was set aside, or the person was erased.
  isNobodys(one, at) {
    one.nobodys = true;
    one.steps.push({at, text: 'of nobody who has a profile'});
  }

  add(key, one) {
    this.records.set(key, one);
    ++this.count;
    if (this.records.size > this.rowsMax) this.records.delete(this.records.keys().next().value);
  }
  keep(key, line, nowMs) {
    if (this.early.size < EARLY_MAX) this.early.set(key, [...(this.early.get(key) || []), [nowMs, line]]);
  }
  take(key) {
    const lines = this.early.get(key) || [];
    this.early.delete(key);
    return lines.map(([, line]) => line);
  }
}
