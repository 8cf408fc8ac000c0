import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProfile } from '../../../../src/profile/seccomp/parse.ts';
import { renderCustomResource } from '../../../../src/profile/seccomp/render.ts';

function resource(spec: string): string {
  return `apiVersion: security-profiles-operator.x-k8s.io/v1
kind: SeccompProfile
metadata: {name: test}
spec:
${spec.replace(/^/gm, '  ')}
`;
}

function rule(text: string): string {
  return `{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[\n${text}\n]}`;
}

function arg(text: string): string {
  return rule(`{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[\n${text}}`);
}

test('a resource is read with its metadata', () => {
  const { profile, form } = parseProfile(
    `# what the operator made
apiVersion: security-profiles-operator.x-k8s.io/v1beta1
kind: SeccompProfile
metadata:
  name: nginx
  namespace: kept-by-old-manifests
  labels: {app: nginx}
  annotations: {note: hello}
  managedFields: [{a: {b: [c]}}]
spec:
  state: Disabled
  baseProfileName: runc-v1.3
  defaultAction: SCMP_ACT_LOG
  architectures: [SCMP_ARCH_X86_64]
  flags: [SECCOMP_FILTER_FLAG_LOG]
  listenerPath: /var/run/security-profiles-operator/x.sock
  listenerMetadata: meta
  syscalls:
    - names: [read, read, write]
      action: SCMP_ACT_ERRNO
      errnoRet: 0
    - names: [clone]
      action: SCMP_ACT_ERRNO
      errnoRet: 38
      args: [{index: 0, value: 2114060288, op: SCMP_CMP_MASKED_EQ}]
status: {status: Installed}
`,
    'f',
  );
  assert.equal(form, 'custom-resource');
  assert.deepEqual(profile, {
    name: 'nginx',
    labels: { app: 'nginx' },
    annotations: { note: 'hello' },
    state: 'Disabled',
    baseProfileName: 'runc-v1.3',
    defaultAction: 'SCMP_ACT_LOG',
    architectures: ['SCMP_ARCH_X86_64'],
    flags: ['SECCOMP_FILTER_FLAG_LOG'],
    listenerPath: '/var/run/security-profiles-operator/x.sock',
    listenerMetadata: 'meta',
    syscalls: [
      { names: ['read', 'write'], action: 'SCMP_ACT_ERRNO' },
      {
        names: ['clone'],
        action: 'SCMP_ACT_ERRNO',
        errnoRet: 38,
        args: [{ index: 0, value: 2114060288n, valueTwo: 0n, op: 'SCMP_CMP_MASKED_EQ' }],
      },
    ],
  });
});

test('a resource is read as JSON too, and found among other documents', () => {
  const json = JSON.stringify({
    apiVersion: 'security-profiles-operator.x-k8s.io/v1',
    kind: 'SeccompProfile',
    metadata: { name: 'a' },
    spec: { defaultAction: 'SCMP_ACT_ALLOW' },
  });
  for (const text of [json, `kind: AppArmorProfile\nspec: {}\n---\n${json}\n`]) {
    assert.equal(parseProfile(text, 'f').profile.name, 'a');
  }
});

test('what SPO 0.9 called disabled is the state Disabled', () => {
  const { profile } = parseProfile(resource('defaultAction: SCMP_ACT_LOG\ndisabled: true'), 'f');
  assert.equal(profile.state, 'Disabled');
});

test('how a resource is rolled out is kept, and written as it was read', () => {
  const text = resource('defaultAction: SCMP_ACT_ERRNO\nrollout: {mode: Audit, promoteAfter: 1h30m, minNodes: 2}');
  const { profile } = parseProfile(text, 'f');
  assert.deepEqual(profile.rollout, { mode: 'Audit', promoteAfter: '1h30m', minNodes: 2 });
  assert.deepEqual(parseProfile(renderCustomResource(profile), 'f').profile, profile);
  assert.throws(
    () => parseProfile(resource('defaultAction: SCMP_ACT_ERRNO\nrollout: {promoteAfter: 1d}'), 'f'),
    /f:6:27: spec\.rollout\.promoteAfter: a time such as 24h/,
  );
});

test('Docker’s and Podman’s liberties are understood', () => {
  const { profile, form } = parseProfile(
    `{
\t"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "defaultErrno": "ENOSYS",
\t"archMap": [
\t\t{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
\t\t{"architecture": "SCMP_ARCH_MIPS", "subArchitectures": null}
\t],
\t"syscalls": [
\t\t{"name": "read", "action": "SCMP_ACT_ALLOW", "args": null, "comment": "", "includes": {}, "excludes": {"caps": []}},
\t\t{"names": ["bdflush"], "action": "SCMP_ACT_ERRNO", "errno": "EPERM"}
\t]
}`,
    'f',
  );
  assert.equal(form, 'raw');
  assert.deepEqual(profile, {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 38,
    architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
    flags: [],
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      { names: ['bdflush'], action: 'SCMP_ACT_ERRNO', errnoRet: 1 },
    ],
  });
});

test('numbers up to 2^64-1 are exact', () => {
  const { profile } = parseProfile(
    arg('{"index":1,"value":18446744073709551615,"valueTwo":9007199254740993,"op":"SCMP_CMP_EQ"}]'),
    'f',
  );
  const [first] = profile.syscalls[0]?.args ?? [];
  assert.deepEqual([first?.value, first?.valueTwo], [18446744073709551615n, 9007199254740993n]);
});

test('a name that Linux does not have is kept and told, or refused on request', () => {
  const text = rule('{"names":["read","raed"],"action":"SCMP_ACT_ALLOW"}');
  const { profile, unknownNames } = parseProfile(text, 'f');
  assert.deepEqual(profile.syscalls[0]?.names, ['read', 'raed']);
  assert.deepEqual(unknownNames, ['f:2:18: Linux has no system call raed']);
  assert.throws(() => parseProfile(text, 'f', { unknownNames: 'error' }), {
    message: 'f:2:18: Linux has no system call raed',
  });
});

const many = (count: number, text: string) => Array(count).fill(text).join(',');

for (const [what, text, message] of [
  ['nothing', '', 'f: the file is empty'],
  ['a list', '[]', 'f:1:1: the document: a map is expected'],
  [
    'an unknown action',
    rule('{"names":["read"],"action":"SCMP_ACT_ALOW"}'),
    /^f:2:28: syscalls\[0\]\.action: "SCMP_ACT_ALOW" is not one of SCMP_ACT_/,
  ],
  ['no default action', '{"syscalls":[]}', 'f:1:1: the document: defaultAction is missing'],
  [
    'an unknown field',
    '{"defaultAction":"SCMP_ACT_LOG",\n "syscals":[]}',
    'f:2:2: syscals: no such field in a seccomp profile',
  ],
  [
    'an unknown field of spec',
    resource('defaultAction: SCMP_ACT_LOG\ndefaultErrnoRet: 1'),
    'f:6:3: spec.defaultErrnoRet: no such field in a seccomp profile',
  ],
  [
    'a field that a terminal would obey',
    '{"defaultAction":"SCMP_ACT_LOG",\n "\\u001b[2J":[]}',
    'f:2:2: "\\u001b[2J": no such field in a seccomp profile',
  ],
  [
    'a key twice',
    '{"defaultAction":"SCMP_ACT_LOG",\n"defaultAction":"SCMP_ACT_LOG"}',
    'f:2:1: Map keys must be unique',
  ],
  ['YAML where JSON is needed', 'defaultAction: SCMP_ACT_LOG', /^f: a raw profile has to be JSON: Unexpected token/],
  [
    'a trailing comma',
    '{"defaultAction":"SCMP_ACT_LOG",\n}',
    /^f:2:1: a raw profile has to be JSON: Expected double-quoted property name/,
  ],
  ['a bracket that is not closed', '{"defaultAction":"SCMP_ACT_LOG"\n', /^f:2:1: /],
  ['another kind', 'kind: SelinuxProfile', 'f:1:7: kind: "SelinuxProfile" is not SeccompProfile'],
  [
    'another group',
    resource('{}').replace('security-profiles-operator.x-k8s.io/v1', 'apps/v1'),
    /^f:1:13: apiVersion: "apps\/v1" is not one of security-profiles-operator/,
  ],
  [
    'two resources',
    `${resource('defaultAction: SCMP_ACT_LOG')}---\n${resource('defaultAction: SCMP_ACT_LOG')}`,
    /^f:7:1: the document: a second SeccompProfile/,
  ],
  [
    'no spec',
    'apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile',
    'f:1:1: the document: spec is missing',
  ],
  ['no names', rule('{"names":[],"action":"SCMP_ACT_ALLOW"}'), 'f:2:10: syscalls[0].names: is empty'],
  [
    'name and names',
    rule('{"names":["read"],"name":"read","action":"SCMP_ACT_ALLOW"}'),
    'f:2:19: syscalls[0].name: give name or names, not both',
  ],
  [
    'a number for a name',
    rule('{"names":[3],"action":"SCMP_ACT_ALLOW"}'),
    'f:2:11: syscalls[0].names[0]: a string is expected',
  ],
  [
    'what cannot be a name',
    rule('{"names":["rm -rf"],"action":"SCMP_ACT_ALLOW"}'),
    'f:2:11: syscalls[0].names[0]: "rm -rf" is not a system call',
  ],
  [
    'seven arguments',
    arg(`${many(7, '{"index":0,"value":1,"op":"SCMP_CMP_EQ"}')}]`),
    'f:2:52: syscalls[0].args: more than 6 entries',
  ],
  [
    'a seventh argument',
    arg('{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]'),
    'f:3:10: syscalls[0].args[0].index: 6 is not between 0 and 5',
  ],
  [
    'a value beyond 64 bits',
    arg('{"index":0,"value":18446744073709551616,"op":"SCMP_CMP_EQ"}]'),
    'f:3:20: syscalls[0].args[0].value: 18446744073709551616 is not between 0 and 18446744073709551615',
  ],
  [
    'a negative value',
    arg('{"index":0,"value":-1,"op":"SCMP_CMP_EQ"}]'),
    /^f:3:20: syscalls\[0\]\.args\[0\]\.value: -1 is not between/,
  ],
  [
    'a fraction',
    arg('{"index":0,"value":1.5,"op":"SCMP_CMP_EQ"}]'),
    'f:3:20: syscalls[0].args[0].value: a whole number is expected',
  ],
  [
    'an unknown operator',
    arg('{"index":0,"value":1,"op":"=="}]'),
    /^f:3:27: syscalls\[0\]\.args\[0\]\.op: "==" is not one of/,
  ],
  ['no operator', arg('{"index":0,"value":1}]'), 'f:3:1: syscalls[0].args[0]: op is missing'],
  [
    'an errno beyond the greatest',
    rule('{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":4096}'),
    /^f:2:56: syscalls\[0\]\.errnoRet: 4096 is not between 0 and 4095/,
  ],
  [
    'two errnos',
    rule('{"names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":1,"errno":"ENOSYS"}'),
    'f:2:66: syscalls[0].errno: is 38, but errnoRet says 1',
  ],
  [
    'a condition of Docker’s',
    rule('{"names":["bpf"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_BPF"]}}'),
    /^f:2:56: syscalls\[0\]\.includes\.caps: decided by Docker or Podman when a container starts/,
  ],
  [
    'an architecture that no resource can have',
    resource('defaultAction: SCMP_ACT_LOG\narchitectures: [SCMP_ARCH_SH]'),
    /^f:6:19: spec\.architectures\[0\]: "SCMP_ARCH_SH" is not one of/,
  ],
  [
    'architectures and archMap',
    '{"defaultAction":"SCMP_ACT_LOG","architectures":[],\n"archMap":[{"architecture":"SCMP_ARCH_X86_64"}]}',
    'f:2:1: archMap: give architectures or archMap, not both',
  ],
  [
    'an archMap for other machines only',
    '{"defaultAction":"SCMP_ACT_LOG",\n"archMap":[{"architecture":"SCMP_ARCH_S390X"}]}',
    'f:2:11: archMap: has no entry for SCMP_ARCH_X86_64 or SCMP_ARCH_AARCH64',
  ],
  ['an alias', resource('defaultAction: &a SCMP_ACT_LOG\nlistenerMetadata: *a'), 'f:6:21: aliases are not allowed'],
  ['an unknown tag', resource('defaultAction: !secret SCMP_ACT_LOG'), /^f:5:18: /],
  ['a million brackets', '['.repeat(1_000_000), 'f: nested deeper than 64 levels'],
  ['a deep block', '- '.repeat(20_000), /nested too deeply/],
  ['more than a mebibyte', ' '.repeat(2 ** 20 + 1), 'f: larger than 1048576 bytes'],
  [
    'too many rules',
    rule(many(4097, '{"names":["read"],"action":"SCMP_ACT_ALLOW"}')),
    /^f:1:\d+: syscalls: more than 4096 entries/,
  ],
  ['seventeen documents', '---\na: b\n'.repeat(17), 'f: more than 16 documents'],
] as const) {
  test(`parsing refuses ${what}`, () => {
    assert.throws(() => parseProfile(text, 'f'), { name: 'ProfileError', message });
  });
}
