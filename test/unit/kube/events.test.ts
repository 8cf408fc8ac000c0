import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { EventRecorder } from '../../../src/kube/events.ts';
import { EVENTS, pathOf } from '../../../src/kube/object.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { serve } from '../../support/kube.ts';

const about = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', namespace: 'n', name, uid: `uid-${name}` });

async function record(context: TestContext) {
  const { server, client } = await serve(context);
  const clock = new FakeClock();
  const recorder = new EventRecorder(client, { component: 'operator', host: 'node-1', clock });
  context.after(() => recorder[Symbol.asyncDispose]());
  const stored = () => server.objects.all(pathOf(EVENTS)) as unknown as Record<string, unknown>[];
  return { server, clock, recorder, stored };
}

test('an event has what kubectl shows', async (context) => {
  const { recorder, stored } = await record(context);
  recorder.event(about('a'), 'Warning', 'Failed', 'it did not work');
  await recorder.flush();
  const [event] = stored();
  const { metadata, firstTimestamp, lastTimestamp, ...others } = event as Record<string, unknown>;
  assert.match((metadata as { name: string }).name, /^a\.[0-9a-f]{16}$/);
  assert.match(String(firstTimestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(lastTimestamp, firstTimestamp);
  assert.deepEqual(others, {
    apiVersion: 'v1',
    kind: 'Event',
    involvedObject: about('a'),
    type: 'Warning',
    reason: 'Failed',
    message: 'it did not work',
    count: 1,
    source: { component: 'operator', host: 'node-1' },
    reportingComponent: 'operator',
    reportingInstance: 'node-1',
  });
});

test('the same again adds to the count; it is made anew when the server has forgotten it', async (context) => {
  const { server, recorder, stored } = await record(context);
  const again = async (times: number) => {
    for (let time = 0; time < times; time++) recorder.event(about('a'), 'Normal', 'Recorded', 'as before');
    await recorder.flush();
  };
  await again(3);
  await again(2);
  await again(1);
  assert.deepEqual(
    stored().map(({ count }) => count),
    [6],
  );
  assert.deepEqual(
    server.asked.map(({ method }) => method),
    ['POST', 'PATCH', 'PATCH'],
  );
  const [event] = server.objects.all(pathOf(EVENTS));
  server.remove(EVENTS, `n/${event?.metadata.name}`);
  await again(1);
  assert.deepEqual(
    stored().map(({ count }) => count),
    [1],
  );
});

test('an object has so many events at once, and then one in five minutes; others are not held up', async (context) => {
  const { clock, recorder, stored } = await record(context);
  for (let time = 0; time < 40; time++) recorder.event(about('busy'), 'Normal', 'Changed', `time ${time}`);
  recorder.event(about('quiet'), 'Normal', 'Changed', 'once');
  await recorder.flush();
  assert.equal(stored().length, 26);
  assert.equal(recorder.stats.dropped, 15);
  clock.advance(299_000);
  recorder.event(about('busy'), 'Normal', 'Changed', 'too early');
  clock.advance(1000);
  recorder.event(about('busy'), 'Normal', 'Changed', 'late');
  await recorder.flush();
  assert.deepEqual(recorder.stats, { waiting: 0, sent: 27, failed: 0, dropped: 16 });
});

test('more than can wait are dropped and counted', async (context) => {
  const { server, recorder } = await record(context);
  server.fail(() => true, 'silent');
  for (let index = 0; index < 1100; index++) recorder.event(about(`p${index}`), 'Normal', 'Changed', 'x');
  assert.deepEqual(recorder.stats, { waiting: 1000, sent: 0, failed: 0, dropped: 100 });
});

test('a server in trouble is tried five times, a refusal once, and neither reaches the caller', async (context) => {
  const { server, clock, recorder } = await record(context);
  for (let time = 0; time < 5; time++) server.fail(() => true, { status: 503 });
  recorder.event(about('a'), 'Normal', 'Changed', 'x');
  for (let time = 0; time < 4; time++) await clock.pass(500, 15_000);
  await recorder.flush();
  assert.deepEqual([server.asked.length, recorder.stats.failed], [5, 1]);
  server.fail(() => true, { status: 403 });
  recorder.event(about('b'), 'Normal', 'Changed', 'x');
  recorder.event({ ...about('c'), namespace: '..' }, 'Normal', 'Changed', 'x');
  recorder.event(about('d'), 'Normal', 'Changed', 'x');
  await recorder.flush();
  assert.deepEqual(recorder.stats, { waiting: 0, sent: 1, failed: 3, dropped: 0 });
});

test('flush ends at an abort, and disposal gives up what waits', async (context) => {
  const { server, recorder } = await record(context);
  server.fail(() => true, 'silent');
  recorder.event(about('a'), 'Normal', 'Changed', 'x');
  recorder.event(about('b'), 'Normal', 'Changed', 'x');
  const stop = new AbortController();
  const flushed = recorder.flush(stop.signal);
  stop.abort();
  await flushed;
  await recorder[Symbol.asyncDispose]();
  recorder.event(about('c'), 'Normal', 'Changed', 'x');
  assert.deepEqual(recorder.stats, { waiting: 0, sent: 0, failed: 2, dropped: 1 });
});

const LONG: readonly (readonly [string, string])[] = [
  ['x'.repeat(1024), 'x'.repeat(1024)],
  ['x'.repeat(1025), `${'x'.repeat(1021)}…`],
  ['ä'.repeat(513), `${'ä'.repeat(510)}…`],
  ['😀'.repeat(300), `${'😀'.repeat(255)}…`],
];

test('a message has 1024 bytes at most, of whole characters; a name fits', async (context) => {
  const { recorder, stored } = await record(context);
  for (const [message] of LONG) recorder.event(about('a'), 'Normal', 'Long', message);
  recorder.event(about(`${'b'.repeat(229)}-${'c'.repeat(20)}`), 'Normal', 'Long', '');
  await recorder.flush();
  const [last, ...others] = stored().reverse();
  assert.deepEqual(others.map(({ message }) => message).sort(), LONG.map(([, shortened]) => shortened).sort());
  assert.match(JSON.stringify(last?.metadata), /"name":"b{229}\.[0-9a-f]{16}"/);
});
