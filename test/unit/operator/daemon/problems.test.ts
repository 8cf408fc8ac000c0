import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Daemon } from '../../../../src/api/types.ts';
import { problemsOf } from '../../../../src/operator/daemon/problems.ts';
import { DEFAULT_SPEC } from '../../../../src/operator/daemon/settings.ts';

type Spec = Daemon['spec'];

/** FIELD refused, or FIELD told. */
function said(spec: Spec): string[] {
  return problemsOf(spec).map(({ field, refused }) => `${field} ${refused ? 'refused' : 'told'}`);
}

test('what the operator makes, and what SPO’s manifests say by default, is all right', () => {
  assert.deepEqual(problemsOf(DEFAULT_SPEC), []);
  const options = { allowedSystemProfiles: ['container'] };
  const security = { allowedIdentityRegexp: '.*', allowedOidcIssuerRegexp: '.*' };
  assert.deepEqual(problemsOf({ selinux: { typeTag: 'spc_t', options }, security, hostProcVolumePath: '/proc' }), []);
});

const refused: [string, Spec][] = [
  ['spec.hostProcVolumePath', { hostProcVolumePath: '/proc/1/root/proc' }],
  ['spec.enricher.logEnricherFilters', { enricher: { logEnricherFilters: '[{' } }],
  ['spec.enricher.jsonEnricherFilters', { enricher: { jsonEnricherFilters: '[{"level":"Everything"}]' } }],
  ['spec.enricher.logEnricherFilters', { enricher: { logEnricherFilters: 'type=seccomp' } }],
  ['spec.webhook.options', { webhook: { options: [{ name: 'binding.spo.io', failurePolicy: 'fail' }] } }],
  ...['audit.json', '/etc/cron.d/x', '/var/log/x', '/var/log/../etc/x', '/var/log/audit/x', '/tmp/a/../../etc/x'].map(
    (auditLogPath): [string, Spec] => [
      'spec.enricher.jsonEnricherOptions.auditLogPath',
      { enricher: { jsonEnricherOptions: { auditLogPath } } },
    ],
  ),
  [
    'spec.enricher.jsonEnricherOptions.auditLogIntervalSeconds',
    { enricher: { jsonEnricherOptions: { auditLogIntervalSeconds: 2 ** 31 - 1 } } },
  ],
  [
    'spec.enricher.jsonEnricherOptions.auditLogMaxBackups',
    { enricher: { jsonEnricherOptions: { auditLogMaxBackups: 2_000_000 } } },
  ],
];

test('what cannot be meant is refused', () => {
  for (const [field, spec] of refused) assert.deepEqual(said(spec), [`${field} refused`], JSON.stringify(spec));
});

const told: [string, Spec][] = [
  ['spec.enableAppArmor', { enableAppArmor: true }],
  ['spec.selinux.enable', { selinux: { enable: true } }],
  ['spec.selinux.enableRawSelinuxProfiles', { selinux: { enableRawSelinuxProfiles: true } }],
  ['spec.selinux.options', { selinux: { options: { deniedTypes: ['shadow_t'] } as object } }],
  ['spec.selinux.options', { selinux: { options: { allowedSystemProfiles: ['net_container'] } } }],
  ['spec.selinux.customTemplatesConfigMap', { selinux: { customTemplatesConfigMap: 'mine' } }],
  ['spec.enricher.logEnricherSource', { enricher: { enableLogEnricher: true, logEnricherSource: 'Bpf' } }],
  ['spec.webhook.options', { webhook: { options: [{ name: 'none.spo.io' }] } }],
  [
    'spec.security.disableOciArtifactSignatureVerification',
    { security: { disableOciArtifactSignatureVerification: true } },
  ],
  ['spec.security.allowedIdentityRegexp', { security: { allowedIdentityRegexp: 'me' } }],
  ['spec.security.allowedOidcIssuerRegexp', { security: { allowedOidcIssuerRegexp: 'github' } }],
];

test('what is not built is told, with what to do', () => {
  for (const [field, spec] of told) assert.deepEqual(said(spec), [`${field} told`], JSON.stringify(spec));
  for (const { message } of told.flatMap(([, spec]) => problemsOf(spec)))
    assert.match(message, /: (set|remove|Auditd)/);
});
