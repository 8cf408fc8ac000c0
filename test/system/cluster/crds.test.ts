import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { syscribe, temporary } from '../support/syscribe.ts';
import { useCluster } from './use.ts';

const CRDS = fileURLToPath(new URL('../../../deploy/crds/', import.meta.url));
const GROUP = 'security-profiles-operator.x-k8s.io';
const cluster = useCluster(0, async () => {
  await kubectl('apply', '-k', CRDS);
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
});

async function kubectl(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args);
  assert.equal(code, 0, stderr);
  return stdout;
}

/** An object of the API, as a manifest. */
function manifest(kind: string, name: string, spec: object | undefined, metadata: object = {}): string {
  return JSON.stringify({ apiVersion: `${GROUP}/v1`, kind, metadata: { name, ...metadata }, spec });
}

const apply = (text: string) => cluster.kubectl(['apply', '-f', '-'], text);

async function stored(resource: string): Promise<{ spec: unknown }> {
  return JSON.parse(await kubectl('get', resource, '-o', 'json'));
}

test('all kinds are there under their short names, in their scope, with their columns', cluster.options, async () => {
  const listed = await kubectl('api-resources', `--api-group=${GROUP}`, '--no-headers', '--sort-by=name');
  const rows = listed
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).join(' '));
  assert.deepEqual(rows, [
    `apparmorprofiles aa ${GROUP}/v1 false AppArmorProfile`,
    `profilebindings ${GROUP}/v1 true ProfileBinding`,
    `profilerecordings ${GROUP}/v1 true ProfileRecording`,
    `rawselinuxprofiles ${GROUP}/v1 false RawSelinuxProfile`,
    `seccompprofiles sp ${GROUP}/v1 false SeccompProfile`,
    `securityprofilenodereports spnr ${GROUP}/v1 false SecurityProfileNodeReport`,
    `securityprofilenodestatuses spns ${GROUP}/v1 false SecurityProfileNodeStatus`,
    `securityprofilesoperatordaemons spod ${GROUP}/v1 true SecurityProfilesOperatorDaemon`,
    `selinuxprofiles ${GROUP}/v1 false SelinuxProfile`,
  ]);
});

test('applied twice they are unchanged', cluster.options, async () => {
  assert.doesNotMatch(await kubectl('apply', '-k', CRDS), /configured|created/);
});

test('what syscribe record writes is taken, shown, and read back as it was', cluster.options, async (context) => {
  const file = join(temporary(context), 'profile.yaml');
  const { code, stderr } = await syscribe(['record', '--name', 'recorded', '-o', file, '--', 'ls', '/']);
  assert.equal(code, 0, stderr);
  await kubectl('apply', '-f', file);
  const { spec } = await stored('sp/recorded');
  assert.deepEqual(spec, { state: 'Enabled', ...parse(readFileSync(file, 'utf8')).spec });
  const status = {
    status: 'Installed',
    localhostProfile: 'operator/recorded.json',
    conditions: [
      { type: 'Ready', status: 'True', reason: 'Available', message: '', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ],
  };
  await kubectl('patch', 'sp', 'recorded', '--subresource=status', '--type=merge', '-p', JSON.stringify({ status }));
  await kubectl('wait', '--for=condition=ready', 'sp/recorded', '--timeout=10s');
  assert.match(await kubectl('get', 'sp'), /^NAME +STATUS +AGE\nrecorded +Installed +\d+s\n$/);
  assert.match(await kubectl('get', 'sp', '-o', 'wide'), /LOCALHOSTPROFILE\n.* operator\/recorded\.json\n$/);
});

test('what is left out has its default', cluster.options, async () => {
  const recording = { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: { matchLabels: { app: 'web' } } };
  const cases: readonly (readonly [string, string, object, object])[] = [
    ['ProfileRecording', 'profilerecording/x', recording, { mergeStrategy: 'None', snapshotInterval: '30s' }],
    [
      'SelinuxProfile',
      'selinuxprofile/x',
      { allow: { '@self': { tcp_socket: ['listen'] } } },
      { state: 'Enabled', mode: 'Enforcing', inherit: [{ kind: 'System', name: 'container' }] },
    ],
    ['AppArmorProfile', 'aa/x', { abstract: {} }, { state: 'Enabled', mode: 'Enforce' }],
    [
      'SecurityProfilesOperatorDaemon',
      'spod/x',
      { scheduling: {} },
      { scheduling: { priorityClassName: 'system-node-critical' } },
    ],
  ];
  for (const [kind, resource, spec, added] of cases) {
    const { code, stderr } = await apply(manifest(kind, 'x', spec));
    assert.equal(code, 0, stderr);
    assert.deepEqual((await stored(resource)).spec, { ...spec, ...added });
  }
});

const REFUSED: readonly (readonly [string, object | undefined, RegExp])[] = [
  ['SeccompProfile', undefined, /spec: Required value/],
  ['SeccompProfile', {}, /spec\.defaultAction: Required value/],
  ['SeccompProfile', { defaultAction: 'ERRNO' }, /spec\.defaultAction: Unsupported value: "ERRNO"/],
  [
    'SeccompProfile',
    { defaultAction: 'SCMP_ACT_LOG', architectures: ['X86'] },
    /spec\.architectures\[0\]: Unsupported/,
  ],
  [
    'SeccompProfile',
    { defaultAction: 'SCMP_ACT_LOG', syscalls: [{ names: [], action: 'SCMP_ACT_ALLOW' }] },
    /spec\.syscalls\[0\]\.names/,
  ],
  [
    'SeccompProfile',
    { defaultAction: 'SCMP_ACT_LOG', syscalls: [{ names: ['read'] }] },
    /syscalls\[0\]\.action: Required/,
  ],
  ['SeccompProfile', { defaultAction: 'SCMP_ACT_NOTIFY', listenerPath: '/etc/passwd' }, /spec\.listenerPath/],
  ['ProfileRecording', { kind: 'SeccompProfile', recorder: 'Bpf' }, /spec\.podSelector: Required value/],
  [
    'ProfileRecording',
    { kind: 'SeccompProfile', recorder: 'bpf', podSelector: {} },
    /spec\.recorder: Unsupported value/,
  ],
  [
    'ProfileRecording',
    { kind: 'SeccompProfile', recorder: 'Bpf', podSelector: {}, snapshotInterval: 'soon' },
    /spec\.snapshotInterval/,
  ],
  ['ProfileBinding', { profileRef: { kind: 'SeccompProfile', name: '' }, image: 'x' }, /spec\.profileRef\.name/],
  ['RawSelinuxProfile', { policy: '' }, /spec\.policy/],
  ['SecurityProfileNodeStatus', {}, /spec\.nodeName: Required value/],
  ['SecurityProfilesOperatorDaemon', { verbosity: -1 }, /spec\.verbosity/],
];

test('what is wrong is refused with its path', cluster.options, async () => {
  for (const [kind, spec, message] of REFUSED) {
    const { code, stderr } = await apply(manifest(kind, 'wrong', spec));
    assert.equal(code, 1, `${kind} ${JSON.stringify(spec)} was taken`);
    assert.match(stderr, message);
  }
});

test(
  'a profile with a namespace, from before profiles belonged to the cluster, is taken',
  cluster.options,
  async () => {
    const { code, stderr } = await apply(
      manifest('SeccompProfile', 'old', { defaultAction: 'SCMP_ACT_LOG' }, { namespace: 'default' }),
    );
    assert.equal(code, 0, stderr);
    await kubectl('get', 'sp', 'old');
  },
);
