import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONVERSION_ANNOTATION, convert } from '../../../../src/api/conversion/convert.ts';
import { GROUP } from '../../../../src/api/crd.ts';

interface Row {
  readonly what: string;
  readonly kind: string;
  readonly version: string;
  readonly old: Record<string, unknown>;
  readonly v1: Record<string, unknown>;
}

const profile = { defaultAction: 'SCMP_ACT_ERRNO' };
const recording = { podSelector: {}, kind: 'SeccompProfile' };
const ROWS: readonly Row[] = [
  {
    what: 'a disabled profile stays so',
    kind: 'SeccompProfile',
    version: 'v1beta1',
    old: { spec: { ...profile, disabled: true } },
    v1: { spec: { ...profile, state: 'Disabled' } },
  },
  {
    what: 'a true legacy boolean wins',
    kind: 'SeccompProfile',
    version: 'v1beta1',
    old: { spec: { ...profile, disabled: true, state: 'Enabled' } },
    v1: { spec: { ...profile, state: 'Disabled' } },
  },
  {
    what: 'a false one says nothing',
    kind: 'SeccompProfile',
    version: 'v1beta1',
    old: { spec: { ...profile, disabled: false, state: 'Disabled' } },
    v1: { spec: { ...profile, state: 'Disabled' } },
  },
  {
    what: 'a permissive policy is not enforced',
    kind: 'SelinuxProfile',
    version: 'v1alpha2',
    old: { spec: { permissive: true, allow: {} } },
    v1: { spec: { mode: 'Permissive', allow: {} } },
  },
  {
    what: 'a raw policy that is disabled stays so',
    kind: 'RawSelinuxProfile',
    version: 'v1alpha2',
    old: { spec: { disabled: true, policy: '(block x)' } },
    v1: { spec: { state: 'Disabled', policy: '(block x)' } },
  },
  {
    what: 'a profile that complains does not refuse',
    kind: 'AppArmorProfile',
    version: 'v1alpha1',
    old: { spec: { complainMode: true, disabled: true } },
    v1: { spec: { mode: 'Complain', state: 'Disabled' } },
  },
  {
    what: 'recorders and strategies are written small',
    kind: 'ProfileRecording',
    version: 'v1alpha1',
    old: { spec: { ...recording, recorder: 'logs', mergeStrategy: 'none' } },
    v1: { spec: { ...recording, recorder: 'Logs', mergeStrategy: 'None', snapshotInterval: '30s' } },
  },
  {
    what: 'AppArmor was spelled otherwise, and an empty word is the default',
    kind: 'ProfileRecording',
    version: 'v1alpha1',
    old: { spec: { podSelector: {}, kind: 'ApparmorProfile', recorder: 'bpf', mergeStrategy: '' } },
    v1: {
      spec: {
        podSelector: {},
        kind: 'AppArmorProfile',
        recorder: 'Bpf',
        mergeStrategy: 'None',
        snapshotInterval: '30s',
      },
    },
  },
  {
    what: 'a node status was flat',
    kind: 'SecurityProfileNodeStatus',
    version: 'v1alpha1',
    old: { nodeName: 'node-1', status: 'Installed' },
    v1: { spec: { nodeName: 'node-1' }, status: { status: 'Installed' } },
  },
  {
    what: 'a daemon was flat, and shouted',
    kind: 'SecurityProfilesOperatorDaemon',
    version: 'v1alpha1',
    old: {
      spec: {
        enableSelinux: false,
        enableLogEnricher: true,
        enricher: { enableLogEnricher: false, logEnricherSource: 'bpf' },
        selinuxOptions: { allowedSystemProfiles: ['container', 'net_container'] },
        selinuxTypeTag: 'spc_t',
        staticWebhookConfig: true,
        webhookOptions: [{ name: 'recording.spo.io', failurePolicy: 'Ignore' }],
        tolerations: [{ operator: 'Exists' }],
        priorityClassName: 'high',
        allowedSyscalls: ['read'],
        disableOciArtifactSignatureVerification: true,
      },
      status: { state: 'RUNNING' },
    },
    v1: {
      spec: {
        enricher: { enableLogEnricher: true, logEnricherSource: 'Bpf' },
        selinux: {
          enable: false,
          typeTag: 'spc_t',
          options: { allowedSystemProfiles: ['container', 'net_container'] },
        },
        webhook: { staticConfig: true, options: [{ name: 'recording.spo.io', failurePolicy: 'Ignore' }] },
        scheduling: { tolerations: [{ operator: 'Exists' }], priorityClassName: 'high' },
        security: {
          allowedSyscalls: ['read'],
          disableOciArtifactSignatureVerification: true,
          allowedIdentityRegexp: '.*',
          allowedOidcIssuerRegexp: '.*',
        },
      },
      status: { state: 'Running' },
    },
  },
];

const metadata = { name: 'x', labels: { a: 'b' }, managedFields: [{ manager: 'kubectl' }] };

function annotationOf(object: unknown): unknown {
  return (object as { metadata: { annotations?: Record<string, unknown> } }).metadata.annotations?.[
    CONVERSION_ANNOTATION
  ];
}

for (const { what, kind, version, old, v1 } of ROWS)
  test(`${kind} ${version}: ${what}`, () => {
    const before = { apiVersion: `${GROUP}/${version}`, kind, metadata, ...old };
    const converted = convert(before, `${GROUP}/v1`) as Record<string, unknown>;
    const { metadata: _, ...rest } = converted;
    assert.deepEqual(rest, { apiVersion: `${GROUP}/v1`, kind, ...v1 });
    assert.deepEqual(convert(converted, before.apiVersion), before);
  });

const binding = { apiVersion: `${GROUP}/v1`, kind: 'ProfileBinding', metadata };
const profileRef = { kind: 'SeccompProfile', name: 'p' };

test('what an old version cannot say outlives a change of it there', () => {
  const podSelector = { matchLabels: { app: 'web' } };
  const old = convert({ ...binding, spec: { profileRef, image: 'a', podSelector } }, `${GROUP}/v1alpha1`);
  const changed = { ...(old as object), spec: { profileRef, image: 'b' } };
  const back = convert(changed, `${GROUP}/v1`) as { spec: object };
  assert.deepEqual(back.spec, { profileRef, image: 'b', podSelector });
});

test('an annotation that somebody wrote brings nothing into v1 that v1 would refuse', () => {
  for (const [path, value] of [
    [['spec', 'podSelector'], 5],
    [['spec', 'podSelector'], { matchLabels: { app: ['web'] } }],
    [['spec', 'podSelector', 'matchLabels'], {}],
    [['spec', 'image'], 'other'],
    [['metadata', 'name'], 'other'],
  ]) {
    const annotations = { [CONVERSION_ANNOTATION]: JSON.stringify({ version: 'v1', changes: [[path, value]] }) };
    const old = { ...binding, apiVersion: `${GROUP}/v1alpha1`, metadata: { ...metadata, annotations } };
    const converted = convert({ ...old, spec: { profileRef, image: 'a' } }, `${GROUP}/v1`);
    assert.deepEqual(converted, { ...binding, spec: { profileRef, image: 'a' } });
  }
});

test('a profile enabled in v1 is not disabled again by how it was written once', () => {
  const old = {
    apiVersion: `${GROUP}/v1beta1`,
    kind: 'SeccompProfile',
    metadata,
    spec: { ...profile, disabled: true },
  };
  const v1 = convert(old, `${GROUP}/v1`) as object;
  assert.match(String(annotationOf(v1)), /"disabled"\],true/);
  const enabled = { ...v1, spec: { ...profile, state: 'Enabled' } };
  const read = convert(enabled, old.apiVersion) as { spec: object };
  assert.deepEqual(read.spec, { ...profile, state: 'Enabled' });
});

test('how a field was written stays where another field of its group is changed in v1', () => {
  const kind = 'SecurityProfilesOperatorDaemon';
  const old = { apiVersion: `${GROUP}/v1alpha1`, kind, metadata, spec: { enableSelinux: false, verbosity: 1 } };
  const v1 = convert(old, `${GROUP}/v1`) as object;
  const changed = { ...v1, spec: { verbosity: 1, selinux: { enable: false, typeTag: 'x' } } };
  const read = convert(changed, old.apiVersion) as { spec: object };
  assert.deepEqual(read.spec, { enableSelinux: false, verbosity: 1, selinux: { enable: false, typeTag: 'x' } });
});

test('what needs no annotation gets none', () => {
  const spec = { ...recording, recorder: 'Bpf', mergeStrategy: 'Containers', snapshotInterval: '30s' };
  const v1 = { apiVersion: `${GROUP}/v1`, kind: 'ProfileRecording', metadata, spec };
  assert.equal(annotationOf(convert(v1, `${GROUP}/v1alpha1`)), undefined);
});

test('a word that nobody knows stays', () => {
  const v1 = { apiVersion: `${GROUP}/v1`, kind: 'ProfileRecording', metadata, spec: { recorder: 'Magic' } };
  assert.deepEqual((convert(v1, `${GROUP}/v1alpha1`) as typeof v1).spec, { recorder: 'Magic' });
});
