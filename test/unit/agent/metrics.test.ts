import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AgentMetrics, type Measured, resourceOf } from '../../../src/agent/metrics.ts';
import { finish, withRun } from '../../../src/agent/recording/container-record.ts';
import type { Agent } from '../../../src/agent/recording/ebpf-recorder.ts';
import type { Logs } from '../../../src/agent/recording/log/log-recorder.ts';
import { record, run } from './samples.ts';

const PATHS: readonly [path: string, resource: string][] = [
  ['/api/v1/pods', 'pods'],
  ['/api/v1/namespaces', 'namespaces'],
  ['/api/v1/namespaces/shop', 'namespaces'],
  ['/api/v1/namespaces/shop/pods/web', 'pods'],
  ['/apis/g.example/v1/seccompprofiles/rec-front', 'seccompprofiles'],
  ['/apis/g.example/v1/namespaces/shop/profilerecordings/rec/status', 'profilerecordings/status'],
  ['/apis/authentication.k8s.io/v1/tokenreviews', 'tokenreviews'],
  ['/healthz', ''],
];

for (const [path, resource] of PATHS)
  test(`a request to ${path} is one for "${resource}"`, () => assert.equal(resourceOf(path), resource));

test('what is measured is told under its names, without series of what is gone', async () => {
  const metrics = new AgentMetrics({ node: 'node-1', slots: 8 });
  const all = [withRun(record(), 'a', run(['mkdir', 'rmdir']), false, 1), finish(record({ recorder: 'Logs' }))];
  const parts = {
    agent: { recorded: 3, losses: { noSlot: 1, skipped: 2 } } as unknown as Agent,
    logs: {
      counts: undefined,
      stats: { containers: 5, evicted: 0, limited: 1 },
      unsupported: 'no audit',
    } as unknown as Logs,
    records: { list: () => all },
    journal: { failing: 2 },
    publisher: { stats: { ready: 1, active: 0, delayed: 4, failing: 0, done: 9, failed: 6 } },
    view: { pods: { connected: true }, recordings: { connected: false } },
  } as unknown as Measured;
  const registry = metrics.measure(parts);
  metrics.observeScrape(401);
  const before = await registry.metrics();
  for (const line of [
    'syscribe_recorded_containers{recorder="Bpf"} 3',
    'syscribe_recorded_containers{recorder="Logs"} 5',
    'syscribe_recorder_slots{state="free"} 5',
    'syscribe_records{state="recording"} 1',
    'syscribe_records{state="finished"} 1',
    'syscribe_publish_queue{state="delayed"} 4',
    'syscribe_publish_total{result="failed"} 6',
    'syscribe_informer_connected{resource="pods"} 1',
    'syscribe_informer_connected{resource="recordings"} 0',
    'syscribe_journal_failing 2',
    'syscribe_audit_log_failing 1',
    'syscribe_audit_rate_limited_total 1',
    'syscribe_recorder_losses_total{reason="skipped"} 2',
    'syscribe_audit_lines_read_total 0',
    'promhttp_metric_handler_requests_total{code="401"} 1',
    'security_profiles_operator_seccomp_profile_bpf_total{node="node-1",mount_namespace="",profile="rec_front_web"} 2',
  ])
    assert.ok(before.split('\n').includes(line), `${line} in\n${before}`);
  all.length = 0;
  assert.doesNotMatch(await registry.metrics(), /profile="rec_front_web"/);
});

test('events of the log are counted by SPO’s name, requests by verb, resource and status', async () => {
  const metrics = new AgentMetrics({ node: 'node-1', slots: 8 });
  const logs = { counts: undefined, stats: { containers: 0, evicted: 0 } };
  const stats = { ready: 0, active: 0, delayed: 0, failing: 0, done: 0, failed: 0 };
  const nothing = { list: () => [], stats, failing: 0 };
  const registry = metrics.measure({
    ...{ agent: { recorded: 0 }, logs, records: nothing, journal: nothing, publisher: nothing, view: {} },
  } as unknown as Measured);
  metrics.observeEvents([
    {
      ...{ time: '', serial: 1, type: 'seccomp', node: 'node-1' },
      container: { id: 'a', name: 'front', pod: 'web', namespace: 'shop' },
      seccomp: { syscall: 'mkdir', number: 83, arch: 'x86_64', action: 'log' },
    },
  ]);
  assert.match(
    await registry.metrics(),
    /^security_profiles_operator_seccomp_profile_audit_total\{node="node-1",namespace="shop",pod="web",container="front",syscall="mkdir"\} 1$/m,
  );
  metrics.observeRequest('WATCH', '/api/v1/pods', 200);
  metrics.observeRequest('POST', '/api/v1/namespaces/shop/events', 0);
  const text = await metrics.process.metrics();
  assert.match(text, /^syscribe_api_requests_total\{verb="watch",resource="pods",code="200"\} 1$/m);
  assert.match(text, /^syscribe_api_requests_total\{verb="post",resource="events",code="0"\} 1$/m);
  assert.match(text, /^process_cpu_seconds_total /m);
});
