"""What is wrong is on the console's first page, in words, with what and where: soon after it began, and no longer than it lasts."""
import itertools
import os
import threading
import time

import apart
import browser
from harness import TENANT, Background, bearer, check, lines, note, send_records, wait_until
from patience import patient, stretched
from test_machine import own_disk

LISTED = ".problems li"
GIVE_UP_S = 60
WITHIN_S = 3  # on the page, on a machine that has nothing else to do


class Traffic:
    """A few records a second, whether they are taken or not, until stop()."""

    def __init__(self, box, server):
        self.server = server
        self.stopping = threading.Event()
        self.thread = Background(self.send)
        box.at_end(self.stopping.set)

    def send(self):
        for i in itertools.count():
            if self.stopping.wait(0.2):
                return
            try:
                http = self.server.ingest()
                http.request("POST", "/v1/records", lines([{"message_id": f"t{i}-{j}", "user": {"user_id": f"u{(7 * i + j) % 50}"}, "event": "E"} for j in range(8)]), bearer())
                http.close()
            except OSError:
                pass

    def stop(self):
        self.stopping.set()
        self.thread.join(patient(60))


def seen(console, what, begin, words):
    """`begin` breaks something; the page says so in these words, within WITHIN_S times what this machine needs."""
    began = time.monotonic()
    begin()
    console.wait(words, LISTED, GIVE_UP_S)
    took = time.monotonic() - began
    note(f"{what}: on the page after {took:.1f} s: {console.text(LISTED + ' >> nth=0').splitlines()[0]}")
    check(took <= stretched(WITHIN_S), f"{what} was on the page after {took:.1f} s only")
    if what == "a paused worker" and (pictures := os.environ.get("FRESHET_SCREENSHOTS")):
        console.page.screenshot(path=f"{pictures}/worker.png")
    check(console.text(LISTED + " .where >> nth=0") and console.text(LISTED + " .todo >> nth=0"), "a problem says where it is, and what to do")


def over(console, end):
    end()
    console.page.wait_for_function("() => !document.querySelector('.problems li.bad')", timeout=patient(GIVE_UP_S) * 1000)


def test_of_a_fleet(box):
    """A worker is paused, the profile store is stopped, the brokers are stopped."""
    fleet = apart.Apart(box, own=True).start()
    send_records(fleet.ingest.ingest(), [{"message_id": "m", "user": {"user_id": "u"}, "event": "E"}])
    traffic = Traffic(box, fleet.ingest)
    console = browser.Console(box, fleet.console)
    console.open("flow", tenant=TENANT)
    console.wait("Nothing is wrong", timeout_s=GIVE_UP_S)
    seen(console, "a paused worker", fleet.actions[0].pause, "Action stands still")
    over(console, fleet.actions[0].resume)
    seen(console, "a stopped profile store", fleet.mongo.kill, "Reaction stands still")
    over(console, fleet.mongo.start)
    seen(console, "stopped brokers", fleet.broker.kill, "does not answer")
    traffic.stop()
    fleet.broker.start()
    over(console, lambda: None)
    console.context.close()  # what a browser says of requests that nobody answered is not looked at


def test_of_a_disk(box):
    disk = own_disk(box, "server-0", 256)
    server = box.server(memory="64MiB")
    console = browser.Console(box, server)
    console.open("flow", tenant=TENANT)
    console.wait("Nothing is wrong")

    def fill():
        room = os.statvfs(disk)
        (disk / "ballast").write_bytes(bytes(room.f_bavail * room.f_frsize - (8 << 20)))
    seen(console, "a disk that is nearly full", fill, "The disk is nearly full")
    over(console, (disk / "ballast").unlink)
    wait_until(server.running, patient(5), "the server goes on")
    console.close()


def test_rules(box):
    """Each rule of src/console/page/problems.js meets signs that it must tell, and signs that it must not."""
    server = box.server()
    console = browser.Console(box, server)
    console.page.goto(server.admin_url + "/")
    failed = console.page.evaluate(RULES)
    check(not failed, lambda: "rules of what is wrong:\n" + "\n".join(failed))
    console.close()


RULES = r"""async () => {
  const {problemsOf, nextToRunOut, waitingOf} = await import('/console/problems.js');
  const {Metrics} = await import('/console/api.js');
  const {freshnessOfAll} = await import('/console/processes.js');
  const at = '2026-01-02T03:04:10.000Z', old = '2026-01-02T03:04:05.000Z', clock = `freshet_clock_seconds ${Date.now() / 1000}\n`;
  const stage = (name, lag, oldest) => ({name, partitions: 4, lag, oldest_at: oldest, waiting: lag ? [{partition: 2, end: 9, done: 9 - lag, lag, oldest_at: oldest}] : []});
  const held = (name, lag) => ({...stage(name, lag, null), waiting: [{...stage(name, lag, null).waiting[0], held: true}]});
  const status = (done, more = {}) => ({ready: true, stages: [{name: 'ingest', done}, {name: 'action', done}, {name: 'reaction', done}], freshness: [], ...more});
  const quiet = {at, stages: [stage('overflow', 0, null), stage('action', 0, null), stage('reaction', 0, null)]};
  const flow = (action, reaction) => ({at, stages: [stage('overflow', 0, null), action || stage('action', 0, null), reaction || stage('reaction', 0, null)]});
  const cluster = (name, concerns) => ({cluster: name, away: false, looked: true, age_s: 1, concerns});
  const watched = (...clusters) => [{address: 'http://w:1', error: '', age_s: 1, look: {clusters}}];
  const concern = (severity, subject, what) => ({severity, subject, what, action: 'do it'});
  const peer = (text, more = {}) => ({name: 'w', roles: 'action', address: 'http://w:1', error: null, age: 0.5, at: Date.now() - 500, rates: {}, freshness: [], metrics: new Metrics(text), earlier: null, ...more});
  const look = ({text = '', before = '', flow: f = quiet, old: before_ = f, more = {}, fleet = [], processes = []}) => problemsOf({status: status(5, more), fleet, flow: f, flowBefore: before_,
    flowLast: before_, processes, metrics: new Metrics(clock + text), earlier: new Metrics(clock + before)});
  const fresh = (late) => ({freshness: [{tenant: 'acme', last_minute: {count: 100}, objective: {share: 0.99, within_ms: 500, late_last_minute: late}}]});
  const cases = [
    ['nothing', {}, ''],
    ['action stalls', {flow: flow(stage('action', 5, old))}, 'Action stands still: 5 records wait, the oldest for 5 s'],
    ['action moves', {flow: flow(stage('action', 5, old)), old: flow(stage('action', 6, old))}, ''],
    ['markers of transactions', {flow: flow(stage('action', 1, null))}, ''],
    ['a transaction that was left open', {flow: flow(held('action', 5))}, 'Action stands still: 5 records wait, behind a transaction that was left open'],
    ['a transaction of just now', {flow: flow(held('action', 5)), old: flow(stage('action', 5, null))}, ''],
    ['action is behind', {flow: flow(stage('action', 5, '2026-01-02T03:03:10.000Z')), old: quiet}, 'Action is behind'],
    ['reaction stalls', {flow: flow(null, stage('reaction', 5, old))}, 'Reaction stands still'],
    ['the store takes nothing', {flow: flow(null, stage('reaction', 5, old)), text: 'freshet_reaction_retries_total 3\nfreshet_reaction_writes_total 7', before: 'freshet_reaction_writes_total 7'}, 'The profile store takes nothing'],
    ['the store is slow', {text: 'freshet_reaction_retries_total 3\nfreshet_reaction_writes_total 9', before: 'freshet_reaction_writes_total 7'}, ''],
    ['no log', {flow: flow(stage('action', null, null))}, 'The log does not answer'],
    ['a log that is slow once', {flow: flow(stage('action', null, null)), old: quiet}, 'The log does not tell in time'],
    ['a silent log', {text: 'freshet_log_silent 1'}, 'The log does not answer'],
    ['disk', {text: 'freshet_disk_bytes 100\nfreshet_disk_free_bytes 4'}, 'The disk is nearly full: 4.0 % is free'],
    ['enough disk', {text: 'freshet_disk_bytes 100\nfreshet_disk_free_bytes 16'}, ''],
    ['store', {text: 'freshet_store_unhealthy{store="profiles"} 1'}, 'A store can’t be read or written'],
    ['healthy store', {text: 'freshet_store_unhealthy{store="profiles"} 0'}, ''],
    ['checkpoints', {text: 'freshet_checkpoint_age_seconds 700'}, 'What the last 12 minutes brought is in no checkpoint'],
    ['young checkpoints', {text: 'freshet_checkpoint_age_seconds 60'}, ''],
    ['sink', {text: 'freshet_sink_up{sink="s",tenant="t"} 0\nfreshet_sink_failures_total{sink="s",tenant="t"} 2'}, 'A sink can’t hand over'],
    ['sink that begins', {text: 'freshet_sink_up{sink="s",tenant="t"} 0'}, ''],
    ['sink behind', {text: 'freshet_sink_up{sink="s",tenant="t"} 1\nfreshet_sink_lag_seconds{sink="s",tenant="t"} 1200'}, 'A sink is 20 minutes behind'],
    ['overflow', {text: 'freshet_overflow_full_ratio{tenant="t"} 0.6'}, '60 % of what may wait'],
    ['room in overflow', {text: 'freshet_overflow_full_ratio{tenant="t"} 0.4\nfreshet_overflow_limit_records 10\nfreshet_overflow_waiting_records{tenant="t",lane="a"} 4'}, ''],
    ['late', {more: fresh(20)}, '20 % of the last minute’s records could be read later than 0.5 s; 1.0 % may be'],
    ['late as it may', {more: fresh(10)}, ''],
    ['rejected', {text: 'freshet_ingest_items_total{tenant="t"} 50\nfreshet_ingest_rejected_total{tenant="t"} 10', before: 'freshet_ingest_items_total{tenant="t"} 0'}, '17 % of the items'],
    ['rejected long ago', {text: 'freshet_ingest_items_total{tenant="t"} 50\nfreshet_ingest_rejected_total{tenant="t"} 10', before: 'freshet_ingest_items_total{tenant="t"} 0\nfreshet_ingest_rejected_total{tenant="t"} 10'}, ''],
    ['poison', {text: 'freshet_reaction_poison_total 1', before: ''}, '1 record of the last minute could not be processed'],
    ['certificate', {text: `freshet_http_tls_certificate_end_seconds{listener="ingest"} ${Date.now() / 1000 + 86400}`}, 'A certificate ends in 1.0 days'],
    ['not ready', {more: {ready: false}, text: 'freshet_action_partitions_behind{worker="0"} 2'}, 'Not ready: 2 partitions still replay'],
    ['fleet', {fleet: watched(cluster('a', [concern('critical', 'broker 3', 'it hangs')]))}, 'Fleet: Broker 3: it hangs'],
    ['fleet of several', {fleet: watched(cluster('a', [concern('warn', 'cluster', 'x'), concern('critical', 'cluster', 'it is gone')]), cluster('b', [concern('critical', 'group g', 'y')]))}, 'Fleet: 2 things are wrong; the first: Cluster a: it is gone'],
    ['fleet that is not urgent', {fleet: watched(cluster('a', [concern('warn', 'cluster', 'x')]))}, ''],
    ['a watch that is gone', {fleet: [{address: 'http://w:1', error: 'http://w:1: refused', age_s: null, look: null}]}, 'Fleet: w:1 does not answer: refused'],
    ['a log that is slow here only', {flow: flow(stage('action', null, null)), processes: [peer('freshet_ready 1', {rates: {ingest: 5, action: 5}})]}, 'The log does not tell in time'],
    ['a silent log elsewhere', {processes: [peer('freshet_log_silent 1')]}, 'The log does not answer'],
    ['disk elsewhere', {processes: [peer('freshet_disk_bytes 100\nfreshet_disk_free_bytes 4')]}, 'The disk is nearly full: 4.0 % is free'],
    ['disk of who fell silent', {processes: [peer('freshet_disk_bytes 100\nfreshet_disk_free_bytes 4', {error: 'x', age: 4})]}, 'The disk is nearly full: 4.0 % is free'],
    ['disk of long ago', {processes: [peer('freshet_disk_bytes 100\nfreshet_disk_free_bytes 4', {age: 100})]}, ''],
    ['store elsewhere', {processes: [peer('freshet_store_unhealthy{store="state"} 1')]}, 'A store can’t be read or written'],
    ['checkpoints elsewhere', {processes: [peer('freshet_checkpoint_age_seconds 700')]}, 'What the last 12 minutes brought is in no checkpoint'],
    ['overflow elsewhere', {processes: [peer('freshet_overflow_full_ratio{tenant="t"} 0.6')]}, '60 % of what may wait'],
    ['rejected elsewhere', {processes: [peer('freshet_ingest_rejected_total{tenant="t"} 10', {earlier: new Metrics('freshet_ingest_rejected_total{tenant="t"} 0')})]}, '100 % of the items'],
    ['poison elsewhere', {processes: [peer('freshet_reaction_poison_total 1', {earlier: new Metrics('')})]}, '1 record of the last minute could not be processed'],
    ['the store takes nothing elsewhere', {flow: flow(null, stage('reaction', 5, old)), processes: [peer('freshet_reaction_retries_total 3\nfreshet_reaction_writes_total 7', {earlier: new Metrics('freshet_reaction_writes_total 7')})]}, 'The profile store takes nothing'],
    ['certificate elsewhere', {processes: [peer(`freshet_http_tls_certificate_end_seconds{listener="ingest"} ${Date.now() / 1000 + 86400}`)]}, 'A certificate ends in 1.0 days'],
    ['a clock elsewhere', {processes: [peer(`freshet_clock_seconds ${Date.now() / 1000 - 60}`)]}, 'The clocks of the server and of this browser differ by 60 s'],
    ['a well peer', {processes: [peer('freshet_disk_bytes 100\nfreshet_disk_free_bytes 64')]}, ''],
    ['nothing but rejected', {text: 'freshet_ingest_rejected_total{tenant="t"} 10', before: 'freshet_ingest_rejected_total{tenant="t"} 0'}, '100 % of the items'],
    ['erasure', {text: 'freshet_erasures_oldest_pending_seconds 172800'}, 'An erasure has been pending for 2.0 days'],
  ];
  const failed = [];
  for (const [name, signs, wanted] of cases) {
    const found = look(signs);
    if (wanted ? !found.some((one) => one.what.startsWith(wanted)) : found.length > 0) failed.push(`${name}: wanted "${wanted}", found ${JSON.stringify(found.map((one) => one.what))}`);
    if (found.some((one) => !one.where || !one.todo)) failed.push(`${name}: where and what to do`);
    if (name.endsWith('elsewhere') && !name.startsWith('a silent') && !name.startsWith('the store') && !found[0]?.where.includes('process w (w:1)')) failed.push(`${name}: where it is: ${found[0]?.where}`);
  }
  const elsewhere = (tenant, p99) => ({tenant, count: 5, last_minute: {count: 5, p50_ms: 1, p99_ms: p99, p999_ms: p99}, objective: {late: 0, late_last_minute: 0}});
  const all = freshnessOfAll({status: {freshness: []}, processes: [peer('', {freshness: [elsewhere('zz', 9)]}), peer('', {freshness: [elsewhere('zz', 7)]})]});
  if (all.length !== 1 || all[0].last_minute.p99_ms !== 9 || all[0].count !== 10) failed.push(`freshness of others: ${JSON.stringify(all)}`);
  const clockOff = problemsOf({status: status(1), flow: quiet, metrics: new Metrics(`freshet_clock_seconds ${Date.now() / 1000 - 60}`), earlier: null});
  if (!clockOff.some((one) => one.what.startsWith('The clocks'))) failed.push('clock');
  const worst = look({flow: flow(stage('action', 5, old)), text: 'freshet_checkpoint_age_seconds 700'});
  if (worst[0].severity !== 'bad' || worst[1].severity !== 'warn') failed.push('the worst comes first');
  const [full] = nextToRunOut({metrics: new Metrics('freshet_overflow_full_ratio{tenant="a"} 0.2\nfreshet_overflow_full_ratio{tenant="b"} 0.7'), free: []});
  if (full.share !== 0.7 || !full.what.endsWith('of tenant b')) failed.push(`what runs out next of overflow: ${JSON.stringify(full)}`);
  if (waitingOf(flow(held('action', 5))).records !== 5 || waitingOf(flow(stage('action', 1, null))).records !== 0) failed.push('how many wait');
  const now = Date.now(), next = nextToRunOut({metrics: new Metrics('freshet_disk_bytes 100000\nfreshet_disk_free_bytes 36000'), free: [[now - 100000, 37000], [now, 36000]]});
  if (next[0].note !== 'at this pace full in 1 h') failed.push(`what runs out next: ${JSON.stringify(next)}`);
  return failed;
}"""
