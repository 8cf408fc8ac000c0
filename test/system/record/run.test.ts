import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run, SYSCRIBE, syscribe, temporary } from '../support/syscribe.ts';

const CALLS = fileURLToPath(new URL('../programs/.output/calls', import.meta.url));
/** What the static program `calls` needs by itself. */
const NEEDED =
  'arch_prctl brk execve exit_group getrandom mprotect newfstatat prlimit64 readlink rseq set_robust_list set_tid_address write rt_sigreturn'.split(
    ' ',
  );

function profile(context: TestContext, changes: object, ...rules: object[]): string {
  const directory = temporary(context);
  chmodSync(directory, 0o755); // Some tests read it as another user.
  const file = join(directory, 'profile.json');
  const base = { names: NEEDED, action: 'SCMP_ACT_ALLOW' };
  const text = {
    defaultAction: 'SCMP_ACT_ERRNO',
    architectures: ['SCMP_ARCH_X86_64'],
    syscalls: [base, ...rules],
    ...changes,
  };
  writeFileSync(file, JSON.stringify(text));
  return file;
}

test('what is not listed is refused, told by name, number and process; newer calls than the profile get ENOSYS', async (context) => {
  const file = profile(context, {});
  const { code, stdout, stderr } = await syscribe(['run', '-p', file, '--', CALLS, '39', '334', '424', '462']);
  assert.equal(code, 1);
  // getpid is refused; rseq, the newest that is listed, runs (EINVAL); above it there is ENOSYS.
  assert.equal(stdout, '39 -1 1\n334 -1 22\n424 -1 38\n462 -1 38\n');
  assert.match(stderr, /^syscribe: denied: getpid \(x86_64 39\) by calls\[\d+\]: refused\n/);
});

test('the default errno and a rule’s own are what refused calls return', async (context) => {
  const rule = { names: ['getppid'], action: 'SCMP_ACT_ERRNO', errnoRet: 11 };
  const file = profile(context, { defaultErrnoRet: 13 }, rule);
  const { stdout } = await syscribe(['run', '-p', file, '--', CALLS, '39', '110']);
  assert.equal(stdout, '39 -1 13\n110 -1 11\n');
});

test('argument conditions hold: several on one argument are alternatives', async (context) => {
  const condition = (value: number) => ({ index: 0, op: 'SCMP_CMP_EQ', value });
  // personality(0xffffffff) asks; `calls` passes -1.
  const allowed = profile(
    context,
    {},
    { names: ['getpgid'], action: 'SCMP_ACT_ALLOW', args: [condition(5), { index: 0, op: 'SCMP_CMP_GT', value: 100 }] },
  );
  assert.match((await syscribe(['run', '-p', allowed, '--', CALLS, '121'])).stdout, /^121 -1 3\n/);
  const refused = profile(
    context,
    {},
    { names: ['getpgid'], action: 'SCMP_ACT_ALLOW', args: [condition(5), condition(6)] },
  );
  assert.match((await syscribe(['run', '-p', refused, '--', CALLS, '121'])).stdout, /^121 -1 1\n/);
});

test('a kill is told and gives 128 and SIGSYS', async (context) => {
  const file = profile(context, { defaultAction: 'SCMP_ACT_KILL_PROCESS' });
  const { code, stderr } = await syscribe(['run', '-p', file, '--', CALLS, '39']);
  assert.equal(code, 159);
  assert.match(
    stderr,
    /denied: getpid \(x86_64 39\) by calls\[\d+\]: the process is killed\n.*killed by the profile \(SIGSYS\)/s,
  );
});

test('denials of other processes are not told', async (context) => {
  const file = profile(context, {});
  const [own, other] = await Promise.all([
    syscribe(['run', '-p', file, '--', CALLS, '39']),
    syscribe(['run', '-p', file, '--', CALLS, '110']),
  ]);
  assert.ok(own.stderr.includes('getpid') && !own.stderr.includes('getppid'), own.stderr);
  assert.ok(other.stderr.includes('getppid') && !other.stderr.includes('getpid'), other.stderr);
});

test('--dry-run refuses nothing and lists what would be: exit 1; nothing: exit 0', async (context) => {
  const file = profile(context, {});
  const some = await syscribe(['run', '--dry-run', '-p', file, '--', CALLS, '39']);
  assert.equal(some.code, 1);
  assert.match(some.stdout, /^39 \d+ 0\n$/);
  assert.match(some.stderr, /would be denied: getpid \(x86_64 39\), first by calls\[\d+\]\n/);
  const none = await syscribe([
    'run',
    '--dry-run',
    '-p',
    profile(context, {}, { names: ['getpid'], action: 'SCMP_ACT_ALLOW' }),
    '--',
    CALLS,
    '39',
  ]);
  assert.equal(none.code, 0, none.stderr);
  assert.match(none.stderr, /nothing would be denied/);
});

test('--dry-run finds by the log what depends on arguments', async (context) => {
  const rule = (value: number) => ({
    names: ['getpgid'],
    action: 'SCMP_ACT_ALLOW',
    args: [{ index: 0, op: 'SCMP_CMP_EQ', value }],
  });
  const refused = await syscribe(['run', '--dry-run', '-p', profile(context, {}, rule(5)), '--', CALLS, '121']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /would be denied: getpgid/);
  const all = profile(context, {}, { ...rule(0), args: [{ index: 0, op: 'SCMP_CMP_NE', value: 5 }] });
  assert.equal((await syscribe(['run', '--dry-run', '-p', all, '--', CALLS, '121'])).code, 0);
});

test('--dry-run that could not tell exits with 3', async (context) => {
  const file = profile(context, {}, { names: ['getpid'], action: 'SCMP_ACT_ALLOW' });
  const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const { code, stderr } = await run('setpriv', ...user, SYSCRIBE, 'run', '--dry-run', '-p', file, '--', '/bin/true');
  assert.equal(code, 3, stderr);
  assert.match(stderr, /could not tell: neither eBPF nor the whole audit log could be read/);
});

test('without privileges the profile is enforced all the same, and denials are said not to be told', async (context) => {
  const file = profile(context, {});
  const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
  const { code, stderr } = await run('setpriv', ...user, SYSCRIBE, 'run', '-p', file, '--', '/bin/ls', '/');
  assert.notEqual(code, 0);
  assert.match(stderr, /denials will not be told: .*\n.*remedy: .*CAP_AUDIT_READ/);
});

test('a malformed profile is told with file, line and column, and nothing starts', async (context) => {
  const file = join(temporary(context), 'bad.yaml');
  writeFileSync(
    file,
    'apiVersion: security-profiles-operator.x-k8s.io/v1\nkind: SeccompProfile\nspec:\n  defaultAction: SCMP_ACT_DENY\n',
  );
  const { code, stdout, stderr } = await syscribe(['run', '-p', file, '--', 'echo', 'started']);
  assert.equal(code, 125);
  assert.equal(stdout, '');
  assert.match(stderr, /bad\.yaml:4:18: .*SCMP_ACT_DENY/);
});

test('an unknown name is told and left out, as runtimes do', async (context) => {
  const file = profile(context, {}, { names: ['no_such_call'], action: 'SCMP_ACT_ALLOW' });
  const { code, stderr } = await syscribe(['run', '-p', file, '--', CALLS]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /left out, as runtimes do: .*profile\.json:1:\d+: .*no_such_call/);
});

test('NOTIFY is refused: there is no listener', async (context) => {
  const { code, stderr } = await syscribe([
    'run',
    '-p',
    profile(context, { defaultAction: 'SCMP_ACT_NOTIFY' }),
    '--',
    'true',
  ]);
  assert.equal(code, 125);
  assert.match(stderr, /SCMP_ACT_NOTIFY needs a listener/);
});
