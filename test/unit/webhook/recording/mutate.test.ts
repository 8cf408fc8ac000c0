import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import rfc6902 from 'rfc6902';
import { isBuilt } from '../../../../src/api/built.ts';
import { parseSessionId } from '../../../../src/api/names.ts';
import type { ProfileRecording } from '../../../../src/api/types.ts';
import { patchOf } from '../../../../src/webhook/patch.ts';
import type { Pod } from '../../../../src/webhook/pod/pod.ts';
import { type Context, type Mutation, mutatePod } from '../../../../src/webhook/recording/mutate.ts';
import { runsOf } from '../../../support/sizes.ts';
import { pod, recording } from '../pod/samples.ts';

const LOG_PROFILE = { type: 'Localhost', localhostProfile: 'operator/log-enricher-trace.json' };

function mutate(given: Pod, recordings: readonly ProfileRecording[], context: Partial<Context> = {}): Mutation {
  return mutatePod(given, recordings, {
    namespace: 'default',
    namespaceLabels: { 'spo.x-k8s.io/enable-recording': '' },
    now: 1_700_000_000_999,
    random: () => 0,
    recorded: () => true,
    ...context,
  });
}

const annotations = ({ pod: { metadata } }: Mutation) => metadata?.annotations;
const security = ({ pod: { spec } }: Mutation, index = 0) => spec.containers[index]?.securityContext;
const reasons = ({ events }: Mutation) => events.map(({ reason }) => reason);

test('by eBPF: every container gets a session, and nothing else of the pod changes', () => {
  const given = pod([{ name: 'web' }, { name: 'side' }], { initContainers: [{ name: 'init' }] });
  const result = mutate(given, [recording('rec')]);
  assert.deepEqual(annotations(result), {
    'io.containers.trace-bpf/init': 'rec_init_bbbbb_1700000000',
    'io.containers.trace-bpf/web': 'rec_web_bbbbb_1700000000',
    'io.containers.trace-bpf/side': 'rec_side_bbbbb_1700000000',
  });
  assert.deepEqual(result.pod.spec, given.spec);
  assert.deepEqual(patchOf(given, result.pod).length, 1);
});

test('from the log: containers get the profile that logs, whose file is where nodes have it', () => {
  const result = mutate(pod(), [recording('rec', { recorder: 'Logs' })]);
  assert.deepEqual(security(result), { seccompProfile: LOG_PROFILE });
  assert.deepEqual(annotations(result), {
    'io.containers.trace-logs/web': 'rec_web_bbbbb_1700000000',
    'spo.x-k8s.io/recordings': 'rec',
  });
  assert.equal(patchOf(pod(), result.pod).length, 2);
});

for (const [kind, recorder] of [
  ['SelinuxProfile', 'Logs'],
  ['AppArmorProfile', 'Bpf'],
] as const)
  test(`${kind}s are not recorded: a pod stays as it is, and its maker is told`, () => {
    const given = pod();
    const { pod: after, events, warnings } = mutate(given, [recording('r', { kind, recorder })], { recorded: isBuilt });
    assert.deepEqual(after.spec, given.spec);
    assert.deepEqual(
      events.map(({ reason }) => reason),
      ['KindNotBuilt'],
    );
    assert.deepEqual(warnings, [`recording r: ${kind}s are not recorded by this version: pod web stays as it is`]);
  });

test('SELinux: the type that logs, with what else container or pod say', () => {
  const logs = [recording('rec', { kind: 'SelinuxProfile', recorder: 'Logs' })];
  assert.deepEqual(security(mutate(pod(), logs)), { seLinuxOptions: { type: 'selinuxrecording.process' } });
  const own = pod([{ name: 'web', securityContext: { seLinuxOptions: { level: 's0:c1', type: 'x' } } }]);
  const kept = mutate(own, logs);
  assert.deepEqual(security(kept), { seLinuxOptions: { level: 's0:c1', type: 'selinuxrecording.process' } });
  assert.deepEqual(reasons(kept), ['SecurityContextAlreadySet']);
  const shared = pod([{ name: 'web' }], { securityContext: { seLinuxOptions: { level: 's0:c2' } } });
  assert.deepEqual(security(mutate(shared, logs))?.seLinuxOptions, {
    level: 's0:c2',
    type: 'selinuxrecording.process',
  });
});

test('only the containers that are named, none where the list is empty', () => {
  const given = pod([{ name: 'web' }, { name: 'side' }]);
  assert.deepEqual(Object.keys(annotations(mutate(given, [recording('r', { containers: ['side'] })])) ?? {}), [
    'io.containers.trace-bpf/side',
  ]);
  const none = mutate(given, [recording('r', { containers: [] })]);
  assert.equal(none.pod, given);
});

for (const [what, given, list] of [
  ['nothing selects it', pod(), [recording('r', { podSelector: { matchLabels: { app: 'db' } } })]],
  ['its recording is being deleted', pod(), [recording('r', {}, { deletionTimestamp: '2026-01-01T00:00:00Z' })]],
  ['its recorder cannot make that kind', pod(), [recording('r', { kind: 'SelinuxProfile' })]],
  ['it is for Windows', pod(undefined, { os: { name: 'windows' } }), [recording('r')]],
  [
    'it is for nodes with Windows',
    pod(undefined, { nodeSelector: { 'kubernetes.io/os': 'windows' } }),
    [recording('r')],
  ],
  [
    'it is the mirror of a static pod',
    { ...pod(), metadata: { labels: { app: 'web' }, annotations: { 'kubernetes.io/config.mirror': 'x' } } },
    [recording('r', { recorder: 'Logs' })],
  ],
] as const)
  test(`a pod is left alone where ${what}`, () => {
    const result = mutate(given, list);
    assert.equal(result.pod, given);
    assert.deepEqual(result.events, []);
  });

const STRICT = [{ type: 'RuntimeDefault' }, { type: 'Localhost', localhostProfile: 'operator/mine.json' }];
for (const seccompProfile of STRICT) {
  const logs = [recording('rec', { recorder: 'Logs' })];
  const own = pod([{ name: 'web', securityContext: { seccompProfile } }]);

  test(`a container keeps ${seccompProfile.type}, and is told of`, () => {
    for (const given of [own, pod(undefined, { securityContext: { seccompProfile } })]) {
      const result = mutate(given, logs);
      assert.deepEqual(result.pod.spec, given.spec);
      assert.deepEqual(annotations(result), { 'spo.x-k8s.io/recordings': 'rec' });
      assert.deepEqual(reasons(result), ['StricterProfileKept']);
      assert.match(result.warnings.join(), /recorder Bpf/);
    }
  });

  test(`a container loses ${seccompProfile.type} where its namespace or the daemon says so`, () => {
    for (const context of [
      { namespaceLabels: { 'spo.x-k8s.io/enable-recording': 'override' } },
      { replaceStricter: true },
    ]) {
      const result = mutate(own, logs, context);
      assert.deepEqual(security(result), { seccompProfile: LOG_PROFILE });
      assert.deepEqual(reasons(result), ['SecurityContextAlreadySet']);
    }
  });
}

test('what is unconfined is recorded, and told of', () => {
  const given = pod([{ name: 'web', securityContext: { seccompProfile: { type: 'Unconfined' } } }]);
  const result = mutate(given, [recording('rec', { recorder: 'Logs' })]);
  assert.deepEqual(security(result), { seccompProfile: LOG_PROFILE });
  assert.deepEqual(reasons(result), ['SecurityContextAlreadySet']);
});

test('a privileged container is told of where only the log could tell what it does', () => {
  const given = pod([{ name: 'web', securityContext: { privileged: true } }]);
  assert.deepEqual(reasons(mutate(given, [recording('rec', { recorder: 'Logs' })])), ['PrivilegedContainer']);
  assert.deepEqual(reasons(mutate(given, [recording('rec')])), []);
});

test('a recording that cannot be keeps no pod from being made', () => {
  const expression = { key: 'app', operator: 'Around' };
  const list = [
    recording('wrong', { podSelector: { matchExpressions: [expression] } }),
    recording('with.dots', { recorder: 'Logs' }),
    recording('good'),
  ];
  const result = mutate(pod(), list);
  assert.deepEqual(reasons(result).sort(), ['InvalidPodSelector', 'NameNotDNSLabel']);
  assert.deepEqual(Object.keys(annotations(result) ?? {}), ['io.containers.trace-bpf/web', 'spo.x-k8s.io/recordings']);
});

test('both recorders, and two recordings, on one pod', () => {
  const list = [
    recording('bpf'),
    recording('avcs', { kind: 'SelinuxProfile', recorder: 'Logs' }),
    recording('logs', { recorder: 'Logs' }),
    recording('files', { kind: 'AppArmorProfile' }),
  ];
  const result = mutate(pod(), list);
  assert.deepEqual(Object.keys(annotations(result) ?? {}).sort(), [
    'io.containers.trace-avcs/web',
    'io.containers.trace-bpf-apparmor/web',
    'io.containers.trace-bpf/web',
    'io.containers.trace-logs/web',
    'spo.x-k8s.io/recordings',
  ]);
  assert.deepEqual(security(result), {
    seccompProfile: LOG_PROFILE,
    seLinuxOptions: { type: 'selinuxrecording.process' },
  });
  assert.deepEqual(reasons(result), []);
});

test('of two of a kind by Logs the older records, and the other is told of', () => {
  const at = (creationTimestamp: string) => ({ creationTimestamp });
  const list = [
    recording('a-new', { recorder: 'Logs' }, at('2026-02-02T00:00:00Z')),
    recording('b-old', { recorder: 'Logs' }, at('2026-01-01T00:00:00Z')),
  ];
  const result = mutate(pod(), list);
  assert.match(annotations(result)?.['io.containers.trace-logs/web'] ?? '', /^b-old_/);
  assert.equal(annotations(result)?.['spo.x-k8s.io/recordings'], 'b-old,a-new');
  assert.deepEqual(
    result.events.map(({ recording: { metadata }, reason }) => [metadata.name, reason]),
    [['a-new', 'RecordedByAnother']],
  );
});

test('sessions that come with a pod are dropped: copies and claims get into nobody’s recording', () => {
  const forged = {
    'io.containers.trace-bpf/web': 'victim_web_aaaaa_1',
    'io.containers.trace-logs/web': 'victim_web_aaaaa_1',
    'spo.x-k8s.io/recordings': 'victim',
    own: 'stays',
  };
  const given = { ...pod(), metadata: { labels: { app: 'web' }, annotations: forged } };
  assert.deepEqual(annotations(mutate(given, [])), { own: 'stays' });
  assert.deepEqual(annotations(mutate(given, [recording('rec')])), {
    own: 'stays',
    'io.containers.trace-bpf/web': 'rec_web_bbbbb_1700000000',
  });
});

test('called again for what other webhooks added, it tells nothing twice and records the added', () => {
  const list = [recording('rec', { recorder: 'Logs' }), recording('se', { kind: 'SelinuxProfile', recorder: 'Logs' })];
  const first = mutate(pod(), list);
  const injected = { ...first.pod, spec: { containers: [...first.pod.spec.containers, { name: 'proxy' }] } };
  const second = mutate(injected, list);
  assert.deepEqual(second.events, []);
  assert.deepEqual(security(second, 1)?.seccompProfile, LOG_PROFILE);
  assert.deepEqual(second.pod.spec.containers[0], first.pod.spec.containers[0]);
  assert.ok(annotations(second)?.['io.containers.trace-logs/proxy']);
});

test('a level of pod security that will refuse the type is told of', () => {
  const logs = (kind: 'SeccompProfile' | 'SelinuxProfile') => [recording('rec', { kind, recorder: 'Logs' })];
  for (const level of ['baseline', 'restricted']) {
    const context = { namespaceLabels: { 'pod-security.kubernetes.io/enforce': level } };
    assert.match(mutate(pod(), logs('SelinuxProfile'), context).warnings.join(), new RegExp(`level ${level}`));
    assert.deepEqual(mutate(pod(), logs('SeccompProfile'), context).warnings, []);
  }
  const open = { namespaceLabels: { 'pod-security.kubernetes.io/enforce': 'privileged' } };
  assert.deepEqual(mutate(pod(), logs('SelinuxProfile'), open).warnings, []);
});

test('whatever the pod, the patch makes of it what was meant, and each session can be read', () => {
  const name = fc.constantFrom('a', 'b', 'c-1');
  const profile = fc.constantFrom({ type: 'RuntimeDefault' }, { type: 'Unconfined' }, LOG_PROFILE);
  const context = fc.record(
    {
      privileged: fc.boolean(),
      seccompProfile: profile,
      seLinuxOptions: fc.dictionary(fc.constantFrom('type', 'level'), fc.string()),
    },
    { requiredKeys: [] },
  );
  const container = fc.record({ name, securityContext: context }, { requiredKeys: ['name'] });
  const keys = fc.constantFrom('io.containers.trace-bpf/a', 'spo.x-k8s.io/recordings', 'x~y/z', '__proto__');
  const metadata = fc.record(
    {
      labels: fc.dictionary(fc.constant('app'), fc.constantFrom('web', 'db')),
      annotations: fc.dictionary(keys, fc.string()),
    },
    { requiredKeys: [] },
  );
  const spec = fc.record(
    {
      containers: fc.array(container, { minLength: 1 }),
      initContainers: fc.array(container),
      securityContext: context,
    },
    { requiredKeys: ['containers'] },
  );
  const pods = fc
    .record({ metadata, spec }, { requiredKeys: ['spec'] })
    .map((value): Pod => JSON.parse(JSON.stringify(value)));
  const recordings = fc.array(
    fc
      .record({
        name: fc.constantFrom('one', 'two', 'th.ree'),
        kind: fc.constantFrom('SeccompProfile', 'SelinuxProfile', 'AppArmorProfile'),
        recorder: fc.constantFrom('Bpf', 'Logs'),
        containers: fc.option(fc.array(name), { nil: undefined }),
      })
      .map(({ name: called, containers, ...rest }) =>
        recording(called, { ...rest, ...(containers && { containers }) }),
      ),
  );
  fc.assert(
    fc.property(pods, recordings, (given, list) => {
      const before = structuredClone(given);
      const result = mutate(given, list);
      assert.deepEqual(given, before);
      const patched = structuredClone(given);
      const operations = patchOf(given, result.pod);
      assert.deepEqual(
        rfc6902.applyPatch(patched, JSON.parse(JSON.stringify(operations))).filter((error) => error !== null),
        [],
      );
      assert.deepEqual(patched, JSON.parse(JSON.stringify(result.pod)));
      for (const [key, value] of Object.entries(annotations(result) ?? {}))
        if (key.startsWith('io.containers.trace-')) assert.ok(parseSessionId(value), value);
    }),
    runsOf(1000),
  );
});
