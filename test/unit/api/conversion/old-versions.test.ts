import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OLD_VERSIONS, oldSchema } from '../../../../src/api/conversion/old-versions.ts';
import { schemaAt } from '../../../../src/api/conversion/schema-edit.ts';
import { customResourceDefinition, wholeSchema } from '../../../../src/api/crd.ts';
import { CONVERTED_KINDS, KINDS } from '../../../../src/api/kinds.ts';
import type { Schema } from '../../../../src/api/schema.ts';

const OLD = new Map(
  CONVERTED_KINDS.map((kind) => {
    const old = OLD_VERSIONS.get(kind.kind);
    assert.ok(old);
    return [kind.kind as string, oldSchema(wholeSchema(kind), old)];
  }),
);

function field(kind: string, path: string): Schema | undefined {
  return schemaAt(OLD.get(kind) ?? {}, path.split('.'));
}

for (const [kind, version] of [
  ['SeccompProfile', 'v1beta1'],
  ['SelinuxProfile', 'v1alpha2'],
  ['RawSelinuxProfile', 'v1alpha2'],
  ['AppArmorProfile', 'v1alpha1'],
  ['ProfileRecording', 'v1alpha1'],
  ['ProfileBinding', 'v1alpha1'],
  ['SecurityProfileNodeStatus', 'v1alpha1'],
  ['SecurityProfilesOperatorDaemon', 'v1alpha1'],
])
  test(`${kind} is stored as v1, served as ${version} too, and converted by the webhook`, () => {
    const found = KINDS.find((candidate) => candidate.kind === kind);
    assert.ok(found);
    const { spec } = customResourceDefinition(found) as {
      spec: { conversion: object; versions: { name: string; served: boolean; storage: boolean }[] };
    };
    assert.deepEqual(
      spec.versions.map(({ name, served, storage }) => [name, served, storage]),
      [
        ['v1', true, true],
        [version, true, false],
      ],
    );
    const service = { name: 'webhook-service', namespace: 'security-profiles-operator', path: '/convert' };
    assert.deepEqual(spec.conversion, {
      strategy: 'Webhook',
      webhook: { conversionReviewVersions: ['v1'], clientConfig: { service } },
    });
  });

test('what has an older name has no default: it would stand beside what was written', () => {
  for (const [kind, old, now] of [
    ['SeccompProfile', 'spec.disabled', 'spec.state'],
    ['SelinuxProfile', 'spec.disabled', 'spec.state'],
    ['SelinuxProfile', 'spec.permissive', 'spec.mode'],
    ['RawSelinuxProfile', 'spec.disabled', 'spec.state'],
    ['AppArmorProfile', 'spec.disabled', 'spec.state'],
    ['AppArmorProfile', 'spec.complainMode', 'spec.mode'],
    ['SecurityProfilesOperatorDaemon', 'spec.selinuxTypeTag', 'spec.selinux.typeTag'],
    ['SecurityProfilesOperatorDaemon', 'spec.selinuxOptions', 'spec.selinux.options'],
    [
      'SecurityProfilesOperatorDaemon',
      'spec.selinuxOptions.allowedSystemProfiles',
      'spec.selinux.options.allowedSystemProfiles',
    ],
    ['SecurityProfilesOperatorDaemon', 'spec.priorityClassName', 'spec.scheduling.priorityClassName'],
  ] as const) {
    assert.ok(field(kind, old), old);
    for (const path of [old, now]) assert.equal(field(kind, path)?.default, undefined, `${kind} ${path}`);
  }
});

test('enums take the words of both', () => {
  assert.deepEqual(field('ProfileRecording', 'spec.recorder')?.enum, ['logs', 'bpf', '', 'Bpf', 'Logs']);
  assert.deepEqual(field('ProfileRecording', 'spec.mergeStrategy')?.enum, [
    'none',
    'containers',
    '',
    'None',
    'Containers',
  ]);
  assert.equal(field('ProfileRecording', 'spec.mergeStrategy')?.default, 'none');
  assert.ok(field('ProfileRecording', 'spec.kind')?.enum?.includes('ApparmorProfile'));
  assert.ok(field('SecurityProfilesOperatorDaemon', 'spec.logEnricherSource')?.enum?.includes('auditd'));
  assert.ok(field('SecurityProfilesOperatorDaemon', 'status.state')?.enum?.includes('RUNNING'));
});

test('what an old version has not is not in its schema; a node status may be as flat as it was', () => {
  assert.equal(field('ProfileBinding', 'spec.podSelector'), undefined);
  assert.equal(field('ProfileRecording', 'spec.snapshotInterval'), undefined);
  assert.equal(field('SecurityProfilesOperatorDaemon', 'spec.selinux.options.deniedTypes'), undefined);
  const status = OLD.get('SecurityProfileNodeStatus');
  assert.equal(status?.properties?.status?.type, undefined);
  assert.ok(status?.properties?.nodeName);
  assert.equal(status?.required, undefined);
});
