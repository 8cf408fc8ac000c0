import assert from 'node:assert/strict';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Running, run, temporary } from '../support/syscribe.ts';

const TOP = fileURLToPath(new URL('../../../', import.meta.url));

async function succeeds(file: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(file, ...args);
  assert.equal(code, 0, `${file} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function copyWithLibraries(file: string, root: string, as = file): Promise<void> {
  const listed = await succeeds('ldd', file);
  const files = [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library ?? '');
  for (const [from, to] of [[file, as], ...files.map((library) => [library, library])]) {
    mkdirSync(dirname(join(root, to ?? '')), { recursive: true });
    copyFileSync(from ?? '', join(root, to ?? ''));
  }
}

test('the packed tarball works where there is neither compiler nor libbpf', async (context) => {
  const directory = temporary(context);
  const root = join(directory, 'root');
  const modules = join(root, 'opt', 'node_modules');
  mkdirSync(modules, { recursive: true });
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'bin', 'etc']) mkdirSync(join(root, name));
  cpSync('/bin/busybox', join(root, 'bin', 'busybox'));
  for (const name of ['sh', 'readlink', 'ls', 'true', 'mkdir']) symlinkSync('busybox', join(root, 'bin', name));
  await copyWithLibraries(process.execPath, root, '/bin/node');

  const packed = await new Running('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: TOP }).finished;
  const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz')) ?? assert.fail(packed.stderr);
  mkdirSync(join(modules, 'syscribe'));
  await succeeds('tar', 'xzf', join(directory, tarball), '-C', join(modules, 'syscribe'), '--strip-components=1');
  const listed = await succeeds('npm', 'ls', '--prefix', TOP, '--omit=dev', '--all', '--parseable');
  for (const path of listed.split('\n')) {
    const [, name, inside] = path.split('/node_modules/');
    if (name && !inside) cpSync(join(TOP, 'node_modules', name), join(modules, name), { recursive: true });
  }
  for (const part of ['src', 'native', 'test', 'node_modules'])
    assert.ok(!existsSync(join(modules, 'syscribe', part)), `${part} is not shipped`);

  const script = `
mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && mount --rbind /dev "$1/dev" || exit 1
exec chroot "$1" /bin/sh -c 'export PATH=/bin
! command -v cc && ! ls /usr/lib/x86_64-linux-gnu/libbpf* 2>/dev/null || exit 2
cd /tmp
/opt/node_modules/syscribe/bin/syscribe record -t raw-seccomp -o p.json -- ls /bin &&
/opt/node_modules/syscribe/bin/syscribe run -p p.json -- ls /bin &&
/opt/node_modules/syscribe/bin/syscribe record --source audit -t raw-seccomp -o q.json -- ls /bin &&
/opt/node_modules/syscribe/bin/syscribe audit --file p.json --once &&
! /opt/node_modules/syscribe/bin/syscribe run -p p.json -- mkdir /tmp/x'`;
  const { code, stdout, stderr } = await run('unshare', '--mount', 'sh', '-c', script, 'sh', root);
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.match(stdout, /busybox\nls\n/);
  assert.match(stderr, /syscribe: complete\n/);
  assert.match(stderr, /syscribe: denied: mkdir/);
});

test('the library’s example records what it says', async () => {
  const { code, stdout, stderr } = await run(
    process.execPath,
    join(TOP, 'docs/examples/record.mjs'),
    'mkdir',
    '-p',
    '/tmp',
  );
  assert.equal(code, 0, stderr);
  assert.match(stderr, /Z mkdir, first by mkdir\[\d+\]/);
  assert.ok(JSON.parse(stdout).syscalls[0].names.includes('mkdir'));
});
