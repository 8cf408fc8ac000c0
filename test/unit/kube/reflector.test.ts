import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KubeClient } from '../../../src/kube/client.ts';
import { KubeError } from '../../../src/kube/errors.ts';
import { type KubeObject, PODS } from '../../../src/kube/object.ts';
import { Informer, type InformerSettings } from '../../../src/kube/reflector.ts';
import { Changes } from '../../support/changes.ts';
import type { Asked } from '../../support/fake-api-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { pod, serve } from '../../support/kube.ts';

const isList = ({ query }: Asked) => !query.has('watch');
const isWatch = ({ query }: Asked) => query.has('watch');
const BACKOFF = [0, 45_000] as const;
const WATCH = [300_000, 630_000] as const;

/** An informer of pods that runs until the test ends; `told` is what its listeners were, in order. */
async function inform(
  context: TestContext,
  settings: InformerSettings<KubeObject> = {},
  before?: (server: Server) => void,
) {
  const { server, client } = await serve(context);
  before?.(server);
  const clock = new FakeClock();
  const logged: unknown[] = [];
  const log = { info: () => {}, warn: (details: object) => logged.push(details) };
  const changes = new Changes();
  const telling: Pick<KubeClient, 'pages' | 'watch' | 'onReturn'> = {
    pages: (resource, options) => client.pages(resource, options),
    onReturn: (callback) => client.onReturn(callback),
    watch: (resource, options) => {
      const opened = () => {
        options.opened?.();
        changes.tell();
      };
      return client.watch(resource, { ...options, opened });
    },
  };
  const informer = new Informer({ client: telling, resource: PODS, log }, { clock, ...settings });
  const told: string[] = [];
  informer.onChange((key, now, was) => {
    told.push(`${was ? (now ? '~' : '-') : '+'}${key}`);
    changes.tell();
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  context.after(async () => {
    stop.abort();
    await running;
  });
  const asked = (what: (asked: Asked) => boolean) => server.asked.filter(what);
  return {
    server,
    client,
    clock,
    informer,
    told,
    logged,
    stop,
    running,
    asked,
    until: (count: number) => changes.until(() => told.length >= count),
    watching: async (times = 1) => {
      await server.changes.until(() => asked(isWatch).length >= times && server.watches.size === 1);
      await changes.until(() => informer.connected);
    },
  };
}

type Server = Awaited<ReturnType<typeof serve>>['server'];

test('what there is is listed, what happens is watched, once each', async (context) => {
  const { server, informer, told, until, watching } = await inform(context, {}, (server) => server.put(PODS, pod('a')));
  await informer.synced;
  assert.deepEqual(told, ['+n/a']);
  await watching();
  server.put(PODS, pod('b'));
  server.put(PODS, pod('a', { spec: 2 }));
  server.remove(PODS, 'n/b');
  await until(4);
  assert.deepEqual(told, ['+n/a', '+n/b', '~n/a', '-n/b']);
  assert.equal(informer.size, 1);
  assert.deepEqual({ ...informer.get('n/a') }.apiVersion, 'v1');
});

test('selectors go to the server, managed fields and what transform leaves out do not stay', async (context) => {
  const settings = {
    namespace: 'n',
    labelSelector: 'app=x',
    fieldSelector: 'spec.nodeName=node',
    transform: ({ metadata: { name, namespace = '', uid = '', resourceVersion = '' } }: KubeObject) => ({
      metadata: { name, namespace, uid, resourceVersion },
    }),
  };
  const raw: object[] = [];
  const keep = (object: KubeObject) => {
    raw.push(object);
    return settings.transform(object);
  };
  const spy = { ...settings, transform: keep };
  const { server, informer, told, watching, until } = await inform(context, spy, (server) => {
    const metadata = { namespace: 'n', name: 'a', labels: { app: 'x' }, managedFields: [{}] };
    server.put(PODS, { metadata, spec: { nodeName: 'node' } });
    server.put(PODS, { metadata: { ...metadata, name: 'other' }, spec: { nodeName: 'other' } });
  });
  await informer.synced;
  await watching();
  server.put(PODS, { metadata: { namespace: 'n', name: 'b', labels: { app: 'y' } }, spec: { nodeName: 'node' } });
  server.put(PODS, { metadata: { namespace: 'n', name: 'c', labels: { app: 'x' } }, spec: { nodeName: 'node' } });
  await until(2);
  assert.deepEqual(told, ['+n/a', '+n/c']);
  assert.deepEqual(
    [...informer.list()].map((object) => Object.keys(object)),
    [['metadata'], ['metadata']],
  );
  assert.doesNotMatch(JSON.stringify(raw), /managedFields/);
});

for (const [name, fault] of [
  ['answers 500', { status: 500 }],
  ['answers 403', { status: 403 }],
  ['answers what is no JSON', { status: 200, body: 'no' }],
  ['resets the connection', 'reset'],
] as const)
  for (const [where, when] of [
    ['list', isList],
    ['watch', isWatch],
  ] as const)
    test(`a server that ${name} to a ${where} is asked again, later and later`, async (context) => {
      const { clock, informer, logged, watching } = await inform(context, {}, (server) => {
        server.put(PODS, pod('a'));
        for (let time = 0; time < 8; time++) server.fail(when, fault);
      });
      const waits: number[] = [];
      for (let time = 0; time < 8; time++) waits.push(await clock.pass(...BACKOFF));
      await informer.synced;
      await watching(where === 'watch' ? 9 : 1);
      assert.equal(informer.connected, true);
      assert.equal(logged.length, 8);
      waits.forEach((wait, index) => {
        const nominal = Math.min(30_000, 800 * 2 ** index);
        assert.ok(wait >= nominal / 2 && wait <= nominal * 1.5, `${wait} ms behind failure ${index + 1}`);
      });
    });

for (const [where, when] of [
  ['list', isList],
  ['watch', isWatch],
] as const)
  test(`a server that throttles a ${where} is left alone as long as it asks`, async (context) => {
    const { clock, watching } = await inform(context, {}, (server) =>
      server.fail(when, { status: 429, headers: { 'Retry-After': '120' } }),
    );
    assert.equal(await clock.pass(100_000, 130_000), 120_000);
    await watching();
  });

test('a watch ended by the server in time goes on from where it was, at once', async (context) => {
  const { server, clock, asked, told, watching, until } = await inform(context);
  await watching();
  server.put(PODS, pod('a'));
  await until(1);
  clock.advance(299_000);
  server.endWatches();
  await watching(2);
  server.put(PODS, pod('b'));
  await until(2);
  assert.deepEqual(told, ['+n/a', '+n/b']);
  assert.equal(asked(isList).length, 1);
  for (const { query } of asked(isWatch)) {
    const seconds = Number(query.get('timeoutSeconds'));
    assert.ok(seconds >= 300 && seconds <= 600);
    assert.equal(query.get('allowWatchBookmarks'), 'true');
  }
});

test('a watch ended at once, again and again, is waited for like a failure', async (context) => {
  const { server, clock, watching } = await inform(context);
  let last = 0;
  for (let time = 1; time <= 4; time++) {
    await watching(time);
    server.endWatches();
    const wait = await clock.pass(...BACKOFF);
    assert.ok(wait > last / 3 && wait >= 400 * 2 ** (time - 1));
    last = wait;
  }
});

test('a bookmark moves the version that the next watch begins at', async (context) => {
  const { server, clock, asked, watching } = await inform(context);
  await watching();
  server.objects.compact();
  server.bookmark();
  // The end comes behind the bookmark on the same stream.
  server.endWatches();
  await clock.pass(...BACKOFF);
  await watching(2);
  assert.equal(asked(isWatch)[1]?.query.get('resourceVersion'), String(server.objects.version));
  assert.equal(asked(isList).length, 1);
});

/** Deletes one, changes one, makes one anew and adds one, while nobody looks. */
function change(server: Server): void {
  server.remove(PODS, 'n/gone');
  server.put(PODS, pod('changed', { spec: 2 }));
  server.remove(PODS, 'n/again');
  server.put(PODS, pod('again'));
  server.put(PODS, pod('new'));
}

function fill(server: Server): void {
  for (const name of ['again', 'changed', 'gone', 'same']) server.put(PODS, pod(name));
}

const MISSED = ['-n/again', '+n/again', '~n/changed', '+n/new', '-n/gone'];

test('410 as an answer: the list tells what was missed, deletions too', async (context) => {
  const { server, clock, told, watching } = await inform(context, {}, fill);
  await watching();
  server.mute = true;
  change(server);
  server.objects.compact();
  server.mute = false;
  server.reset();
  await clock.pass(...BACKOFF); // the reset
  await clock.pass(...BACKOFF); // the 410
  await watching(3);
  assert.deepEqual(told.slice(4), MISSED);
});

test('410 behind an outage: it is listed at once, not after the long wait of the last attempt', async (context) => {
  const { server, clock, told, watching } = await inform(context, {}, fill);
  await watching();
  await server.close();
  for (let time = 0; time < 7; time++) await clock.pass(...BACKOFF);
  await clock.awaited(15_000, 45_000);
  change(server);
  server.objects.compact();
  await server.open();
  await clock.pass(15_000, 45_000);
  await clock.pass(0, 1200); // the 410
  await watching(2);
  assert.deepEqual(told.slice(4), MISSED);
});

test('a server that tells of each list that it is too old is asked less and less often', async (context) => {
  const body = JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired' });
  const { clock, logged } = await inform(context, {}, (server) => {
    for (let time = 0; time < 7; time++) server.fail(isWatch, { status: 410, body });
  });
  for (let time = 0; time < 6; time++) await clock.pass(...BACKOFF);
  await clock.awaited(15_000, 45_000);
  assert.equal(logged.length, 7);
});

test('a server that is back is asked by all as soon as it has answered one', async (context) => {
  const { server, client, clock, until, watching } = await inform(context, {}, fill);
  await watching();
  await server.close();
  for (let time = 0; time < 7; time++) await clock.pass(...BACKOFF);
  await clock.awaited(15_000, 45_000);
  change(server);
  await server.open();
  await client.get(PODS, { namespace: 'n', name: 'new' });
  await watching(2);
  await until(9);
  assert.deepEqual(
    clock.pending.filter((milliseconds) => milliseconds < WATCH[0]),
    [],
  );
});

test('410 as an event: the list tells what was missed, deletions too', async (context) => {
  const { server, clock, told, watching } = await inform(context, {}, fill);
  await watching();
  server.mute = true;
  change(server);
  server.mute = false;
  server.send('{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}');
  await clock.pass(...BACKOFF);
  await watching(2);
  assert.deepEqual(told.slice(4), MISSED);
});

test('a list that is too old at its second page is begun again, whole', async (context) => {
  const { server, clock, informer, told, asked, watching } = await inform(context, {}, (server) => {
    for (let index = 0; index < 501; index++) server.put(PODS, pod(`p${index}`));
    const expired = { kind: 'Status', code: 410, reason: 'Expired' };
    server.fail(({ query }) => query.has('continue'), { status: 410, body: JSON.stringify(expired) });
  });
  await clock.pass(...BACKOFF);
  await informer.synced;
  await watching();
  assert.equal(informer.size, 501);
  assert.equal(new Set(told).size, 501);
  assert.equal(told.length, 501);
  assert.deepEqual(
    asked(isList).map(({ query }) => query.get('limit')),
    ['500', '500', '0'],
  );
  assert.equal(server.watches.size, 1);
});

test('a server that goes away and comes back is found again, and what happened meanwhile is told', async (context) => {
  const { server, clock, informer, told, until, watching } = await inform(context, {}, fill);
  await watching();
  assert.equal(informer.connected, true);
  await server.close();
  change(server);
  for (let time = 0; time < 5; time++) await clock.pass(...BACKOFF);
  assert.equal(informer.connected, false);
  await clock.awaited(...BACKOFF);
  await server.open();
  await clock.pass(...BACKOFF);
  await watching(2);
  await until(9);
  // Watched, not listed: in the order in which it happened.
  assert.deepEqual(told.slice(4), ['-n/gone', '~n/changed', '-n/again', '+n/again', '+n/new']);
  assert.equal(informer.size, 4);
});

test('a connection that stays silent longer than a watch may last is given up', async (context) => {
  const { server, clock, told, until, watching } = await inform(context);
  await watching();
  server.mute = true;
  server.put(PODS, pod('a'));
  const limit = await clock.pass(...WATCH);
  const asked = Number(server.asked.find(isWatch)?.query.get('timeoutSeconds')) * 1000;
  assert.equal(limit, asked + 30_000);
  server.mute = false;
  await clock.pass(...BACKOFF);
  await watching(2);
  await until(1);
  assert.deepEqual(told, ['+n/a']);
});

test('setting the time of day changes nothing', async (context) => {
  context.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const { server, clock, told, until, asked, watching } = await inform(context);
  await watching();
  for (const now of [0, Date.now() + 10 * 365 * 86_400_000, 1000]) {
    context.mock.timers.setTime(now);
    server.put(PODS, pod(`at-${now}`));
    await until(told.length + 1);
  }
  assert.deepEqual([asked(isWatch).length, asked(isList).length, clock.now()], [1, 1, 0]);
});

test('what a listener throws ends run(), and so does what transform throws', async (context) => {
  const { client, server } = await serve(context);
  server.put(PODS, pod('a'));
  for (const error of [new Error('mine'), new KubeError('invalid', 'of another request')]) {
    const informer = new Informer({ client, resource: PODS }, { clock: new FakeClock() });
    informer.onChange(() => {
      throw error;
    });
    await assert.rejects(informer.run(new AbortController().signal), error);
    await assert.rejects(informer.synced, error);
  }
  const throws = () => {
    throw new Error('transform');
  };
  const informer = new Informer({ client, resource: PODS }, { transform: throws });
  await assert.rejects(informer.run(new AbortController().signal), /transform/);
});

test('an abort ends it: while it lists, watches and waits', async (context) => {
  const { server, client } = await serve(context);
  const start = () => {
    const clock = new FakeClock();
    const informer = new Informer({ client, resource: PODS }, { clock });
    const stop = new AbortController();
    return { clock, informer, stop, running: informer.run(stop.signal) };
  };
  server.fail(isList, 'silent');
  const listing = start();
  await server.changes.until(() => server.asked.length === 1);
  listing.stop.abort();
  await listing.running;
  await assert.rejects(listing.informer.synced, { name: 'AbortError' });

  const watching = start();
  await server.changes.until(() => server.watches.size === 1);
  watching.stop.abort();
  await watching.running;
  await server.changes.until(() => server.watches.size === 0);
  assert.deepEqual(watching.clock.pending, []);

  server.fail(isList, { status: 500 });
  const waiting = start();
  await waiting.clock.pass(...BACKOFF).then(() => server.changes.until(() => server.watches.size === 1));
  waiting.stop.abort();
  await waiting.running;
  assert.deepEqual(waiting.clock.pending, []);
});
