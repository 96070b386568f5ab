// Makes elements and formats values. Text is only ever set as text.
import {compact} from './json.js';

export const $ = (id) => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
export const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);

export const cell = (content, kind) => make('td', kind ? {class: kind} : {}, content);
export const button = (label, onclick, kind = 'small') => make('button', {type: 'button', class: kind, onclick}, label);
export const card = (title, ...children) => make('section', {class: 'card'}, title ? make('h2', {}, title) : null, ...children);
export const note = (text) => make('p', {class: 'note'}, text);
export const empty = (text) => make('p', {class: 'empty'}, text);
// What went wrong, in the place of what should be there.
export const failure = (error) => make('p', {class: 'problem'}, `${capital(error.message)}.`);

// A table of these columns ("Name", or "#Count" for numbers) in a box that scrolls by itself.
export function table(label, columns, rows, none = 'There are none.') {
  if (rows.length === 0) return empty(none);
  const head = columns.map((name) => name === '' ? make('td') : make('th', {scope: 'col', class: name.startsWith('#') ? 'number' : null}, name.replace(/^#/, '')));
  return make('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label},
    make('table', {}, make('thead', {}, make('tr', {}, head)), make('tbody', {}, rows)));
}
export const row = (...cells) => make('tr', {}, ...cells);

// Problems, the worst first: [{severity, what, where, todo, more?}].
export const problemItems = (label, problems) => make('ol', {class: 'problems', 'aria-label': label}, problems.map((one) => make('li', {class: one.severity},
  make('p', {class: 'what'}, make('span', {class: 'mark'}, one.severity === 'bad' ? 'Now' : 'Soon'), ' ', one.what),
  make('p', {class: 'where'}, one.where),
  make('p', {class: 'todo'}, one.todo, one.more ? make('span', {class: 'more'}, ` ${one.more}`) : null))));
export const pill = (kind, text) => make('span', {class: `pill ${kind}`}, text);

// ---- formats

export const count = (n) => n == null ? '–' : Math.round(n).toLocaleString('en').replace(/,/g, '\u202f');
export const short = (n) => n == null ? '–' : n >= 1e7 ? (n / 1e6).toFixed(1) + ' M' : n >= 1e5 ? (n / 1e3).toFixed(0) + ' k' : n < 10 && n > 0 ? n.toFixed(1) : count(n);
export const millis = (ms) => ms == null ? '–' : ms >= 10000 ? seconds(ms / 1000) : ms >= 1000 ? (ms / 1000).toFixed(2) + ' s' : ms >= 100 ? ms.toFixed(0) + ' ms' : ms.toFixed(1) + ' ms';
export function seconds(s) {
  if (s == null) return '–';
  if (s < 100) return s.toFixed(s < 10 ? 1 : 0) + ' s';
  return s < 6000 ? (s / 60).toFixed(0) + ' min' : s < 172800 ? (s / 3600).toFixed(0) + ' h' : (s / 86400).toFixed(0) + ' days';
}
export function bytes(n) {
  if (n == null) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) { n /= 1024; ++unit; }
  return `${n.toFixed(unit && n < 100 ? 1 : 0)} ${units[unit]}`;
}
export const percent = (share) => share == null ? '–' : (share * 100).toLocaleString('en', {maximumSignificantDigits: share > 0.9 ? 5 : 2}) + ' %';
const isTime = (text) => typeof text === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text);
export const time = (text) => text ? text.replace('T', ' ').replace(/\.\d+Z$/, '') : '–';
export const clock = (text) => text ? text.slice(11, 23) : '–';
export const shown = (value) => isTime(value) ? time(value) : Array.isArray(value) ? value.map(shown).join(', ') : typeof value === 'object' && value !== null ? compact(value) : String(value);
// What programs say begins with a small letter.
export const capital = (text) => text ? text[0].toUpperCase() + text.slice(1) : '';
export const briefId = (id) => id ? id.slice(0, 12) + '…' : '–';

// ---- a dialog

export function showDialog(title, ...children) {
  const dialog = $('dialog');
  dialog.setAttribute('aria-label', title);
  dialog.replaceChildren(make('form', {method: 'dialog', class: 'row between'}, make('h2', {}, title), make('button', {}, 'Close')), ...children.flat(Infinity).filter(Boolean));
  if (!dialog.open) dialog.showModal();
  return dialog;
}

// Asks before what can't be taken back; resolves to whether it is wanted.
export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    const yes = button(action, () => { resolve(true); dialog.close(); }, 'danger');
    const dialog = showDialog(title, make('p', {}, text), make('div', {class: 'row'}, yes));
    dialog.addEventListener('close', () => resolve(false), {once: true});
  });
}

// Runs what a button asks for: it can't be pressed twice, and what goes wrong is said beside it.
export async function run(pressed, work) {
  const said = pressed.nextElementSibling?.classList.contains('said') ? pressed.nextElementSibling : make('span', {class: 'said', role: 'status'});
  pressed.after(said);
  pressed.disabled = true;
  try {
    said.textContent = await work() || '';
    said.classList.remove('late');
  } catch (error) {
    said.textContent = error.message;
    said.classList.add('late');
  }
  pressed.disabled = false;
}
