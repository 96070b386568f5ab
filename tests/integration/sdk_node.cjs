// node sdk_node.cjs MODULES URL KEY CALLS: calls of the real library, every kind; user of call i is node-(i mod 50).
// When all of them are acknowledged, a last trait for each user.
const { createRequire } = require("node:module");
const [modules, url, key, calls] = process.argv.slice(2);
const { Analytics } = createRequire(modules + "/")("@segment/analytics-node");

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
let errors = 0;

function open() {
  const analytics = new Analytics({ writeKey: key, host: url, path: "/v1/batch", maxEventsInBatch: 100, flushInterval: 200, maxRetries: 5 });
  analytics.on("error", (error) => {
    errors += 1;
    console.error(String(error.reason || error.code || error));
  });
  return analytics;
}

function call(analytics, i) {
  const who = i % 5 === 0 ? { userId: `node-${i % 50}`, anonymousId: `node-anon-${i % 50}` } : { userId: `node-${i % 50}` };
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
  await analytics.closeAndFlush({ timeout: 60000 });
  await sleep(10); // so that the last ones are later by any clock's grain
  const last = open();
  for (let n = 0; n < 50; n += 1) last.identify({ userId: `node-${n}`, traits: { seen: Number(calls) + n } });
  await last.closeAndFlush({ timeout: 60000 });
  process.exit(errors ? 1 : 0);
})();
