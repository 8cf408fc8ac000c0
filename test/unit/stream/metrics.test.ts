import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EnrichedEvent } from '../../../src/stream/event.ts';
import { type Measured, StreamMetrics } from '../../../src/stream/metrics.ts';

const NOTHING: Measured = {
  lines: 0,
  parsed: 0,
  unparsed: 0,
  gaps: 0,
  pending: 0,
  overflows: 0,
  dropped: 0,
  breaks: 0,
  firstSerial: -1,
  lastSerial: -1,
  unresolved: 0,
  kernelLost: undefined,
  processesLost: 0,
  missed: 0,
};

function audited(profile: string): EnrichedEvent {
  const apparmor = { verdict: 'AUDIT', operation: 'open', profile };
  return { time: '2024-04-05T19:34:38.123Z', serial: 1, type: 'apparmor', node: 'n', apparmor };
}

test('whoever chooses labels does not choose how many series there are', async () => {
  const metrics = new StreamMetrics('n', () => NOTHING);
  metrics.count(Array.from({ length: 6000 }, (_, index) => audited(`profile${index}`)));
  metrics.count([audited('profile0')]);
  const text = await metrics.registry.metrics();
  const series = text
    .split('\n')
    .filter((line) => line.startsWith('security_profiles_operator_apparmor_profile_audit_'));
  assert.equal(series.length, 5001);
  assert.ok(series.some((line) => line.includes('profile="profile0"') && line.endsWith(' 2')));
  assert.ok(series.some((line) => line.includes('profile="other"') && line.endsWith(' 1000')));
  assert.match(text, /^syscribe_audit_series_limited_total 1000$/m);
});

test('what the stream counts of itself is what it says at the scrape', async () => {
  let lines = 3;
  const metrics = new StreamMetrics('n', () => ({ ...NOTHING, lines, kernelLost: 7 }));
  lines = 5;
  const text = await metrics.registry.metrics();
  assert.match(text, /^syscribe_audit_lines_read_total 5$/m);
  assert.match(text, /^syscribe_audit_kernel_lost_total 7$/m);
});
