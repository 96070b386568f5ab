// What the watches of the fleet say (GET /v1/fleet), in words: pure functions of it, for page Fleet and for the first
// page, which says that there is something.
import {capital, seconds} from './dom.js';

export const host = (address) => address.replace(/^https?:\/\//, '');
export const ago = (s) => s == null ? 'never' : `${seconds(s)} ago`;

// What a look says of ages is as of that look.
export const clustersOf = (sources) => sources.flatMap(({look, age_s: age}) => (look?.clusters || []).map((one) => ({...one, age: one.age_s == null ? null : one.age_s + age})));

// A watch says what is wrong with whom; who reads it at night wants to know with whom first.
function concernOf(cluster, {severity, subject, what, action}) {
  const ofAll = subject === 'cluster';
  return {severity: severity === 'critical' ? 'bad' : 'warn', what: `${ofAll ? `Cluster ${cluster}` : capital(subject)}: ${what}`, where: ofAll ? '' : `cluster ${cluster}`, todo: action};
}

// What is wrong, the worst first: [{severity, what, where, todo}].
export function fleetProblemsOf(sources) {
  const found = [];
  for (const {address, error, age_s: age} of sources)
    if (error) found.push({severity: 'bad', what: `${host(address)} does not answer: ${error.replace(`${address}: `, '')}`, where: age == null ? 'it has never been seen' : `what is shown of it is ${seconds(age)} old`,
      todo: 'See whether the process runs, and whether console.fleet names where it listens.'});
  for (const cluster of clustersOf(sources)) {
    // A watch that was told so says it among its concerns, with the address that it tried.
    if (cluster.away && cluster.concerns.length === 0) found.push({severity: 'bad', what: `Cluster ${cluster.cluster}: it can’t be looked at: ${cluster.error}`, where: cluster.looked ? `last seen ${ago(cluster.age)}` : 'it has never been seen', todo: 'See whether its brokers are up and reachable from where the watch runs.'});
    for (const concern of cluster.concerns) found.push(concernOf(cluster.cluster, concern));
  }
  return found.sort((a, b) => (a.severity === 'bad' ? 0 : 1) - (b.severity === 'bad' ? 0 : 1));
}
