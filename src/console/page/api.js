// Asks the admin listener. The token is kept by the tab and sent as a header, so it is in no address.
import {parse} from './json.js';

// The word of a server that answered, and would not.
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

// Nobody answered, or not in time.
export class Unreachable extends Error {
  constructor(cause) {
    super(cause.name === 'TimeoutError' ? 'the server does not answer in time' : 'the server can’t be reached');
    this.slow = cause.name === 'TimeoutError';
  }
}

const ROLES = ['read', 'operate', 'erase'];

export const session = {
  token: sessionStorage.getItem('freshet-token') || '',
  role: 'read',
  setToken(token) {
    this.token = token;
    token ? sessionStorage.setItem('freshet-token', token) : sessionStorage.removeItem('freshet-token');
  },
  // Whether this token may do what wants that role: what it may not do has no button.
  may(role) { return ROLES.indexOf(this.role) >= ROLES.indexOf(role); },
};

async function answerOf(path, {timeoutMs = 30000, signal, ...options} = {}) {
  const headers = {...options.headers, ...(session.token ? {Authorization: 'Bearer ' + session.token} : {})};
  const timeout = AbortSignal.timeout(timeoutMs);
  const answer = await fetch(path, {...options, headers, cache: 'no-store', signal: signal ? AbortSignal.any([signal, timeout]) : timeout})
    .catch((error) => { throw new Unreachable(error); });
  if (answer.ok) return answer;
  const {error} = await answer.json().catch(() => ({}));
  throw new Refused(answer.status, error?.code, error?.message || `the server answered ${answer.status}`);
}

export const text = async (path, options) => (await answerOf(path, options)).text();
export const call = async (path, options) => parse(await text(path, options));
export const post = (path, body, options = {}) => call(path, {method: 'POST', body: JSON.stringify(body), ...options});

export const ofTenant = (tenant, rest) => `/v1/tenants/${encodeURIComponent(tenant)}${rest ? '/' + rest : ''}`;

export const STREAM_LIMIT = 200;

// A page of a topic: its records, each with its place, and the cursor to go on from. It waits up to so long for the first.
export async function stream(tenant, topic, after, waitSeconds, signal) {
  const query = new URLSearchParams({after, wait: waitSeconds, limit: STREAM_LIMIT, place: 1});
  const answer = await answerOf(ofTenant(tenant, `${topic}?${query}`), {timeoutMs: (waitSeconds + 20) * 1000, signal});
  const records = (await answer.text()).split('\n').filter(Boolean).map(parse);
  return {records, cursor: answer.headers.get('Freshet-Cursor')};
}

// Prometheus' text format: what the page needs of it.
export class Metrics {
  constructor(text) {
    this.byName = new Map();
    for (const line of text.split('\n')) {
      if (!line || line[0] === '#') continue;
      const parts = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/.exec(line);
      if (!parts) continue;
      const labels = {};
      for (const [, name, value] of (parts[2] || '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name] = value.replace(/\\(.)/g, (_, c) => c === 'n' ? '\n' : c);
      if (!this.byName.has(parts[1])) this.byName.set(parts[1], []);
      this.byName.get(parts[1]).push({labels, value: Number(parts[3])});
    }
  }
  all(name) { return this.byName.get(name) || []; }
  // The bound of the bucket below which a share `q` of what a histogram counted since `before` lies; null: it counted nothing.
  quantile(name, q, before) {
    const counts = new Map();
    for (const [metrics, sign] of [[this, 1], [before, -1]])
      for (const {labels: {le}, value} of metrics?.all(`${name}_bucket`) || []) counts.set(le, (counts.get(le) || 0) + sign * value);
    const bounds = [...counts].map(([le, n]) => [le === '+Inf' ? Infinity : Number(le), n]).sort((a, b) => a[0] - b[0]);
    const all = bounds.at(-1)?.[1] || 0;
    return all > 0 ? bounds.find(([, n]) => n >= q * all)[0] : null;
  }
  has(name) { return this.byName.has(name); }
  // null: there is no such series.
  value(name, labels = {}) {
    const found = this.all(name).filter((one) => Object.entries(labels).every(([k, v]) => one.labels[k] === v));
    return found.length ? found.reduce((sum, one) => sum + one.value, 0) : null;
  }
}
