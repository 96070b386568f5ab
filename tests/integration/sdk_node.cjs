// node sdk_node.cjs MODULES LIBRARY PREFIX URL KEY CALLS: calls of the real library (segment or rudder), every kind; user of
// call i is PREFIX-(i mod 50). When all of them are acknowledged, a last trait for each user.
const { createRequire } = require("node:module");
const [modules, library, prefix, url, key, calls] = process.argv.slice(2);
const load = createRequire(modules + "/");

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let errors = 0;

function failed(error) {
  errors += 1;
  console.error(String(error.reason || error.code || error));
}

function openSegment() {
  const { Analytics } = load("@segment/analytics-node");
  const analytics = new Analytics({ writeKey: key, host: url, path: "/v1/batch", maxEventsInBatch: 100, flushInterval: 200, maxRetries: 5 });
  analytics.on("error", failed);
  analytics.finish = () => analytics.closeAndFlush({ timeout: 60000 });
  return analytics;
}

function openRudder() {
  const Analytics = load("@rudderstack/rudder-sdk-node");
  const analytics = new Analytics(key, { dataPlaneUrl: url, flushAt: 100, flushInterval: 200, gzip: true });
  // A flush sends one batch at most.
  analytics.finish = async () => {
    while (analytics.queue.length > 0) await analytics.flush().catch(failed);
    await sleep(500); // what was sent by itself is answered
  };
  return analytics;
}

const open = library === "rudder" ? openRudder : openSegment;

function call(analytics, i) {
  const who = i % 5 === 0 ? { userId: `${prefix}-${i % 50}`, anonymousId: `${prefix}-anon-${i % 50}` } : { userId: `${prefix}-${i % 50}` };
  switch (i % 10) {
    case 6: return analytics.identify({ ...who, traits: { seen: i, plan: "plus" } });
    case 7: return analytics.page({ ...who, name: "Home", properties: { url: "https://example.com/" } });
    case 8: return analytics.screen({ ...who, name: "Main" });
    case 9: return analytics.group({ ...who, groupId: "g1", traits: { size: 3 } });
    default: return analytics.track({ ...who, event: `Event ${i % 3}`, properties: { i, total: 1.5 } });
  }
}

(async () => {
  const analytics = open();
  for (let i = 0; i < Number(calls); i += 1) {
    call(analytics, i);
    if (i % 200 === 199) await sleep(5);
  }
  await analytics.finish();
  await sleep(10); // so that the last ones are later by any clock's grain
  const last = open();
  for (let n = 0; n < 50; n += 1) last.identify({ userId: `${prefix}-${n}`, traits: { seen: Number(calls) + n } });
  await last.finish();
  process.exit(errors ? 1 : 0);
})();
