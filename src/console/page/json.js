// JSON as it was written. JavaScript's numbers hold 53 bits, and order ids have more: 9007199254740993 would be shown,
// and sent back, as …992. So whatever the page reads from the server is read here, and nowhere else.

const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s"{}[\],:]+/g;
const NUMBER = /^-?\d/;
// Whoever has fewer digits than a double holds for certain is left to the browser, which is much faster.
const MAY_BE_LONG = /[\d.]{16}|\d[eE]/;
const opens = (token) => token === '{' || token === '[';
const closes = (token) => token === '}' || token === ']';

// A number that a double would change, by its own text. It calculates like the double next to it.
export class Digits {
  constructor(text) { this.text = text; }
  toString() { return this.text; }
  valueOf() { return Number(this.text); }
}

const significant = (text) => text.replace(/[eE].*$/, '').replace(/[-+.]/g, '').replace(/^0+|0+$/g, '');
const changes = (text) => !Number.isFinite(Number(text)) || significant(text) !== significant(String(Number(text)));

export function parse(text) {
  if (!MAY_BE_LONG.test(text)) return JSON.parse(text);
  let mark = 'digits';
  while (text.includes(mark)) mark += '_';
  const marked = text.replace(TOKEN, (token) => NUMBER.test(token) && changes(token) ? `{"${mark}":"${token}"}` : token);
  return JSON.parse(marked, (_, value) => value !== null && typeof value === 'object' && mark in value ? new Digits(value[mark]) : value);
}

// The text of a value on one line.
export function compact(value) {
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map(compact).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, one]) => `${JSON.stringify(name)}:${compact(one)}`).join(',')}}`;
}

// The same JSON on lines of their own: only what is between its tokens changes.
export function indented(text) {
  let out = '', depth = 0, before = '';
  for (const [token] of text.matchAll(TOKEN)) {
    if (closes(token)) --depth;
    if (opens(before) ? !closes(token) : closes(token) || before === ',') out += '\n' + '  '.repeat(depth);
    out += token === ':' ? ': ' : token;
    if (opens(token)) ++depth;
    before = token;
  }
  return out;
}
export const pretty = (value) => indented(compact(value));

// The text of a member of the object that this is, byte for byte; undefined: it has none of this name.
export function member(text, name) {
  let depth = 0, begin = -1, before = '';
  for (const {0: token, index} of text.matchAll(TOKEN)) {
    if (depth === 1 && begin >= 0 && (token === ',' || token === '}')) return text.slice(begin, index).trim();
    if (depth === 1 && token === ':' && before === JSON.stringify(name)) begin = index + 1;
    if (opens(token)) ++depth;
    if (closes(token)) --depth;
    before = token;
  }
  return undefined;
}
