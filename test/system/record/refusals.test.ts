import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run, SYSCRIBE } from '../support/syscribe.ts';

/** Runs the command in a mount namespace in which `script` has been run before. */
function inNamespace(script: string, ...args: string[]) {
  return run('unshare', '--mount', 'sh', '-c', `${script} && exec "$@"`, 'sh', SYSCRIBE, ...args);
}

test('a kernel without BTF is refused with the remedy', async () => {
  const { code, stderr } = await inNamespace('mount -t tmpfs none /sys/kernel/btf', 'record', '--', 'true');
  assert.equal(code, 125);
  assert.match(stderr, /no type information: \/sys\/kernel\/btf\/vmlinux cannot be read\n/);
  assert.match(stderr, /remedy: .*CONFIG_DEBUG_INFO_BTF=y/);
});

test('without the capability it is refused with the remedy, and the command does not start', async () => {
  const command = ['record', '--', 'echo', 'started'];
  const { code, stdout, stderr } = await run(
    'setpriv',
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    SYSCRIBE,
    ...command,
  );
  assert.equal(code, 125);
  assert.equal(stdout, '');
  assert.match(stderr, /not allowed to load BPF programs/);
  assert.match(stderr, /remedy: .*CAP_BPF and CAP_PERFMON/);
});

test('CAP_BPF and CAP_PERFMON are enough to record', async () => {
  const user = [
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    '--inh-caps=+bpf,+perfmon',
    '--ambient-caps=+bpf,+perfmon',
  ];
  const { code, stderr } = await run('setpriv', ...user, SYSCRIBE, 'record', '-o', '/dev/null', '--', 'true');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /syscribe: complete/);
});

test('a damaged installation says what is missing', async () => {
  const prebuilds = new URL('../../../prebuilds', import.meta.url).pathname;
  const { code, stderr } = await inNamespace(`mount -t tmpfs none ${prebuilds}`, 'record', '--', 'true');
  assert.equal(code, 125);
  assert.match(stderr, /cannot load the native part for linux-x64\n.*because: .*\n.*remedy: .*make build/s);
});
