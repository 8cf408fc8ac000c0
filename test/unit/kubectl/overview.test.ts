import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProfileRecording, SeccompProfile } from '../../../src/api/types.ts';
import { overview } from '../../../src/kubectl/overview.ts';

type Status = ProfileRecording['status'];

function recording(name: string, status?: Status, metadata: object = {}): ProfileRecording {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'ProfileRecording',
    metadata: { name, namespace: 'shop', ...metadata },
    spec: { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: {} },
    ...(status && { status }),
  };
}

function profile(name: string, labels: Record<string, string>, status?: SeccompProfile['status']): SeccompProfile {
  return {
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SeccompProfile',
    metadata: { name, labels },
    spec: {
      defaultAction: 'SCMP_ACT_ERRNO',
      syscalls: [
        { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
        { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      ],
    },
    ...(status && { status }),
  };
}

const condition = (type: string, status: 'True' | 'False' | 'Unknown', reason: string, message = '') => ({
  ...{ type, status, reason, message },
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const OF = { 'spo.x-k8s.io/recording-namespace': 'shop', 'spo.x-k8s.io/recording-id': 'rec' };
const PARTIAL = { ...OF, 'spo.x-k8s.io/partial': 'true' };

test('a recording is told with how far it is, and what it lacks', () => {
  const complete = [condition('Complete', 'False', 'StartedBeforeRecorder', 'it ran before')];
  const containers = [{ name: 'web', profileName: 'rec-web', syscalls: 5 }];
  const status = { pods: 2, syscalls: 5, newest: '2026-01-01T00:00:00Z', conditions: complete, containers };
  assert.deepEqual(overview([recording('rec', status)], [], 'shop').recordings, [
    {
      ...{ namespace: 'shop', name: 'rec', recorder: 'SeccompProfile/Bpf', pods: 2, syscalls: 5, complete: 'False' },
      newest: '2026-01-01T00:00:00Z',
      problem: 'StartedBeforeRecorder: it ran before',
      containers: [{ name: 'web', profile: 'rec-web', syscalls: 5 }],
    },
  ]);
});

test('nothing recorded yet is no problem, and being deleted is told', () => {
  const nothing = { conditions: [condition('Complete', 'Unknown', 'NothingRecorded')] };
  const [going, fresh, waiting] = overview(
    [recording('c', nothing), recording('b'), recording('a', undefined, { deletionTimestamp: '2026-01-01T00:00:00Z' })],
    [],
    undefined,
  ).recordings;
  assert.match(going?.problem ?? '', /being deleted/);
  assert.deepEqual([fresh?.problem, waiting?.problem], [undefined, undefined]);
});

test('profiles of the namespace’s recordings, without the instances of what is merged; all where all are asked for', () => {
  const instance = profile('rec-web-x', { ...PARTIAL, 'spo.x-k8s.io/container-id': 'web' });
  const merged = profile('rec-web', { ...PARTIAL, 'spo.x-k8s.io/role': 'merged' }, { status: 'Partial' });
  const whole = profile('old-web', OF, { status: 'Installed' });
  const own = profile('by-hand', {}, { status: 'Error', conditions: [condition('Ready', 'False', 'Unavailable')] });
  const names = (namespace?: string) =>
    overview([], [whole, instance, own, merged], namespace).profiles.map(({ name }) => name);
  assert.deepEqual(names('shop'), ['old-web', 'rec-web']);
  assert.deepEqual(names('other'), []);
  const all = overview([], [own], undefined).profiles;
  assert.deepEqual(all, [{ name: 'by-hand', status: 'Error', syscalls: 2, problem: 'Unavailable' }]);
});

test('recordings and bindings of kinds that are not built are told, since nothing else tells of them', () => {
  const recorded = recording('files');
  const binding = (name: string, kind: 'SeccompProfile' | 'AppArmorProfile' | 'SelinuxProfile') => ({
    apiVersion: 'security-profiles-operator.x-k8s.io/v1' as const,
    kind: 'ProfileBinding' as const,
    metadata: { name, namespace: 'shop' },
    spec: { image: '*', profileRef: { kind, name: 'web' } },
  });
  const bindings = [binding('b', 'SelinuxProfile'), binding('fine', 'SeccompProfile'), binding('a', 'AppArmorProfile')];
  const spec = { ...recorded.spec, kind: 'AppArmorProfile' as const };
  const found = overview([{ ...recorded, spec }], [], 'shop', bindings);
  assert.equal(found.recordings[0]?.problem, 'KindNotBuilt: AppArmorProfiles are not recorded by this version');
  assert.deepEqual(found.bindings, [
    {
      namespace: 'shop',
      name: 'a',
      problem: 'KindNotBuilt: AppArmorProfiles are not installed by this version: no pod is bound by it',
    },
    {
      namespace: 'shop',
      name: 'b',
      problem: 'KindNotBuilt: SelinuxProfiles are not installed by this version: no pod is bound by it',
    },
  ]);
});
