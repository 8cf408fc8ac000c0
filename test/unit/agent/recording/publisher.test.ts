import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ContainerRecord, finish, withRun } from '../../../../src/agent/recording/container-record.ts';
import { Journal } from '../../../../src/agent/recording/journal.ts';
import { nameOf, profileOf } from '../../../../src/agent/recording/partial-profile.ts';
import { Publisher } from '../../../../src/agent/recording/publisher.ts';
import { Records } from '../../../../src/agent/recording/record-store.ts';
import { stateOf } from '../../../../src/api/recording-state.ts';
import { customResource, type KubeObject, pathOf } from '../../../../src/kube/object.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { serve } from '../../../support/kube.ts';
import { record, run } from '../samples.ts';

const PROFILES = customResource('seccompprofiles', 'SeccompProfile', false);

async function publish(context: TestContext) {
  const stop = new AbortController();
  let running: Promise<void> | undefined;
  context.after(async () => {
    stop.abort();
    await running;
  });
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-publisher-'));
  context.after(() => rmSync(directory, { recursive: true, force: true }));
  const { server, client } = await serve(context);
  const clock = new FakeClock();
  const { changes } = server;
  const told: string[] = [];
  const warnings: string[] = [];
  const records: Records = new Records(new Journal(directory), (changed) => publisher.changed(changed));
  const say = (line: string) => {
    warnings.push(line);
    changes.tell();
  };
  const publisher = new Publisher(
    {
      client,
      events: { event: ({ kind, name }, _type, reason) => told.push(`${kind} ${name} ${reason}`) },
      log: { info: () => {}, warn: (_details, line) => say(line) },
      record: (id) => records.get(id),
      published: (id, object) => {
        records.published(id, object);
        changes.tell();
      },
      refused: (id) => {
        records.refused(id);
        changes.tell();
      },
      settled: (id) => {
        records.remove(id);
        changes.tell();
      },
    },
    { node: 'node-1', clock },
  );
  running = publisher.run(stop.signal);
  const stored = () => server.objects.all(pathOf(PROFILES)) as unknown as ReturnType<typeof profileOf>[];
  const requests = () => server.asked.map(({ method }) => method).join(' ');
  /** What the record is by now, with more. */
  const more = (id: string, ...names: string[]) => {
    const now = records.get(id) as ContainerRecord;
    records.put(withRun(now, 'a', run(names), false, 1));
  };
  /** Until nothing is under way or due. */
  const idle = async () => {
    const { stats } = publisher;
    clock.advance(0);
    if (stats.active + stats.ready === 0 && clock.pending[0] !== 0) return;
    await new Promise(setImmediate);
    await idle();
  };
  const settled = (id: string) => changes.until(() => records.get(id) === undefined);
  return { server, clock, records, publisher, stored, requests, told, warnings, changes, more, idle, settled };
}

const seen = (names: readonly string[], from = record()) => withRun(from, 'a', run(names), false, 1);
const syscalls = (profile: ReturnType<typeof profileOf> | undefined) =>
  profile?.spec.syscalls?.flatMap(({ names }) => names) ?? [];

test('the first snapshot creates the profile after two seconds; nothing is sent while nothing was seen', async (context) => {
  const { server, clock, records, stored, requests, told, changes } = await publish(context);
  records.put(withRun(record(), 'a', run([]), false, 1));
  await clock.pass(2000, 2000);
  records.put(seen(['read']));
  await clock.pass(0, 0);
  await changes.until(() => records.get(record().id)?.published !== undefined);
  assert.deepEqual(
    stored().map(({ metadata }) => metadata.name),
    ['rec-front'],
  );
  assert.ok(syscalls(stored()[0]).includes('read'));
  assert.equal(records.get(record().id)?.published?.uid, server.objects.all(pathOf(PROFILES))[0]?.metadata.uid);
  assert.equal(requests(), 'POST');
  assert.deepEqual(told, ['Pod web ProfileRecording', 'ProfileRecording rec ProfileCreated']);
});

/** None of which a runtime makes, so that each changes the profile. */
const CALLS = ['mkdir', 'rmdir', 'chmod', 'symlink', 'truncate', 'rename', 'link'];

test('snapshots come only on change, after 30 seconds, then twice as long, give or take a tenth', async (context) => {
  const { clock, records, requests, changes, more, idle } = await publish(context);
  const { id } = record();
  records.put(seen(['read']));
  await clock.pass(2000, 2000);
  await changes.until(() => requests() === 'POST');
  await idle();
  for (const [index, base] of [30_000, 60_000, 120_000, 240_000, 480_000, 600_000, 600_000].entries()) {
    more(id, ...CALLS.slice(0, index + 1));
    await clock.pass(base * 0.9, base * 1.1);
    await changes.until(() => requests().split('PATCH').length === index + 2);
    await idle();
    assert.equal(requests().split(' ').length, index + 2);
  }
});

test('the end is sent at once, by the object’s UID, and the record forgotten', async (context) => {
  const { server, clock, records, stored, requests, changes, settled } = await publish(context);
  records.put(seen(['read']));
  await clock.pass(2000, 2000);
  await changes.until(() => records.get(record().id)?.published !== undefined);
  const before = records.get(record().id) as ContainerRecord;
  records.put(finish(withRun(before, 'a', run(['write']), true, 2)));
  await settled(before.id);
  assert.equal(requests(), 'POST PATCH');
  assert.equal(JSON.parse(server.asked[1]?.body ?? '').metadata.uid, before.published?.uid);
  assert.deepEqual(
    ['read', 'write'].filter((name) => syscalls(stored()[0]).includes(name)),
    ['read', 'write'],
  );
  assert.match(stored()[0]?.metadata.annotations?.['spo.x-k8s.io/recording-state'] ?? '', /"finished":true/);
});

test('what ended before its first snapshot waits for its pod’s end', async (context) => {
  const { clock, records, requests, idle, settled } = await publish(context);
  const short = withRun(record(), 'a', run(['read']), true, 1);
  records.put(short);
  await clock.pass(2000, 2000);
  await idle();
  assert.equal(requests(), '');
  records.put(finish(records.get(short.id) as ContainerRecord));
  await settled(short.id);
  assert.equal(requests(), 'POST');
});

test('it waits for half a minute at most', async (context) => {
  const { clock, records, requests, changes, idle } = await publish(context);
  records.put(withRun(record(), 'a', run(['read']), true, 1));
  await clock.pass(2000, 2000);
  await idle();
  await clock.pass(28_000, 28_000);
  await changes.until(() => requests() === 'POST');
});

test('a container that lives shorter than the first snapshot takes one request', async (context) => {
  const { records, requests, settled } = await publish(context);
  records.put(finish(withRun(record(), 'a', run(['read']), true, 1)));
  await settled(record().id);
  assert.equal(requests(), 'POST');
});

test('of pods that are over before their first snapshot, the recording tells once; theirs is no event', async (context) => {
  const { records, told, settled } = await publish(context);
  for (const name of ['one', 'two']) {
    const short = record({}, { name, uid: name });
    records.put(finish(seen(['read'], short)));
    await settled(short.id);
  }
  assert.deepEqual(told, ['ProfileRecording rec ProfileCreated']);
});

test('what ended without a call is forgotten without a request', async (context) => {
  const { records, requests, settled } = await publish(context);
  records.put(finish(withRun(record(), 'a', run([]), true, 1)));
  await settled(record().id);
  assert.equal(requests(), '');
});

test('what nothing was seen of is published where there is a reason for that, not where nothing may have been missed', async (context) => {
  const { records, stored, settled } = await publish(context);
  records.put(finish(withRun(record(), 'a', run([], ['log-unknown']), true, 1)));
  await settled(record().id);
  assert.deepEqual(stored(), []);
  records.put(finish(withRun(record(), 'a', run([], ['log-lost']), true, 1)));
  await settled(record().id);
  assert.equal(stateOf(stored()[0]?.metadata ?? {})?.newest, undefined);
});

test('a profile that an earlier process created is taken over', async (context) => {
  const { server, records, stored, requests, settled } = await publish(context);
  server.put(PROFILES, { ...profileOf(seen(['read']), 'rec-front', 'node-1') } as KubeObject & Record<string, unknown>);
  records.put(finish(seen(['read', 'write'])));
  await settled(record().id);
  assert.equal(requests(), 'POST GET PATCH');
  assert.equal(stored().length, 1);
  assert.ok(syscalls(stored()[0]).includes('write'));
});

test('what an earlier process handed in whole, and could not write down, is not handed in again', async (context) => {
  const { server, records, stored, requests, settled } = await publish(context);
  const whole = profileOf(finish(seen(['read', 'ptrace'])), 'rec-front', 'node-1');
  const { metadata, ...others } = whole as KubeObject & typeof whole;
  server.put(PROFILES, { ...others, metadata: { ...metadata, labels: {} } } as KubeObject & Record<string, unknown>);
  records.put(finish(seen(['read'])));
  await settled(record().id);
  assert.equal(requests(), 'POST GET');
  assert.equal(stored().length, 1);
  assert.ok(syscalls(stored()[0]).includes('ptrace'));
});

const OTHERS: readonly [whose: string, change: (profile: ReturnType<typeof profileOf>) => object][] = [
  ['a person’s', () => ({ metadata: { name: 'rec-front' } })],
  ['finished', (profile) => ({ ...profile, metadata: { ...profile.metadata, labels: {} } })],
  ['another pod’s', () => profileOf(seen(['read'], record({}, { uid: 'other' })), 'rec-front', 'node-2')],
];

for (const [whose, change] of OTHERS)
  test(`a profile that is ${whose} stays, and ours gets another name`, async (context) => {
    const { server, records, stored, settled } = await publish(context);
    const there = change(profileOf(seen(['read']), 'rec-front', 'node-1')) as KubeObject & Record<string, unknown>;
    const before = server.put(PROFILES, there);
    records.put(finish(seen(['ptrace'])));
    await settled(record().id);
    const other = nameOf(record(), 'node-1', true);
    assert.deepEqual(
      stored().map(({ metadata }) => metadata.name),
      ['rec-front', other],
    );
    assert.deepEqual(stored()[0], before);
  });

for (const code of [404, 409])
  test(`a profile that somebody deleted (${code}) is not brought back to life while its container runs`, async (context) => {
    const { server, clock, records, stored, requests, changes, more, idle, settled } = await publish(context);
    const { id } = record();
    records.put(seen(['read']));
    await clock.pass(2000, 2000);
    await changes.until(() => records.get(id)?.published !== undefined);
    await idle();
    server.remove(PROFILES, 'rec-front');
    if (code === 404) server.fail(({ method }) => method === 'PATCH', { status: 404, body: '{"kind":"Status"}' });
    more(id, 'mkdir');
    await clock.pass(27_000, 33_000);
    await changes.until(() => records.get(id)?.refused === true);
    more(id, 'rmdir');
    records.put(finish(records.get(id) as ContainerRecord));
    await settled(id);
    assert.equal(requests(), 'POST PATCH');
    assert.deepEqual(stored(), []);
  });

test('one that is deleted when its record has ended is forgotten', async (context) => {
  const { server, clock, records, requests, changes, settled } = await publish(context);
  records.put(seen(['read']));
  await clock.pass(2000, 2000);
  await changes.until(() => records.get(record().id)?.published !== undefined);
  server.remove(PROFILES, 'rec-front');
  records.put(finish(records.get(record().id) as ContainerRecord));
  await settled(record().id);
  assert.equal(requests(), 'POST PATCH');
});

test('a profile that is larger than an object may be is told, not sent, and stays on disk', async (context) => {
  const { records, publisher, requests, told, changes } = await publish(context);
  const large = record({}, { name: 'x'.repeat(1_000_000) });
  records.put(finish(seen(['read'], large)));
  const small = record({}, { uid: 'small' });
  records.put(finish(seen(['read'], small)));
  await changes.until(() => records.get(small.id) === undefined && publisher.stats.done >= 2);
  assert.deepEqual(told.filter((line) => line.endsWith(' TooLarge')).length, 1);
  assert.equal(records.get(large.id)?.finished, true);
  assert.equal(requests(), 'POST');
});

test('while the API server is away it is tried less and less often, and arrives when that is back', async (context) => {
  const { server, clock, records, stored, changes, warnings, settled } = await publish(context);
  await server.close();
  records.put(finish(seen(['read'])));
  for (const [index, wait] of [500, 1000, 2000, 4000, 8000, 16_000, 30_000].entries()) {
    await changes.until(() => warnings.length === index + 1);
    assert.equal(await clock.awaited(wait, wait), wait);
    if (wait === 30_000) await server.open();
    clock.advance(wait);
  }
  await settled(record().id);
  assert.equal(stored().length, 1);
});

test('a server that asks to be left alone is', async (context) => {
  const { server, clock, records, requests, changes, warnings, settled } = await publish(context);
  server.fail(({ method }) => method === 'POST', { status: 429, headers: { 'Retry-After': '7' } });
  records.put(finish(seen(['read'])));
  await changes.until(() => warnings.length === 1);
  await clock.pass(7000, 7000);
  await settled(record().id);
  assert.equal(requests(), 'POST POST');
});
