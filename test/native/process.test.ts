import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { native, STAGES, type StartOptions } from '../../src/capture/native.ts';
import { until } from '../support/until.ts';
import { children, descriptors, FILTER, finish, SANITIZED, START } from './support.ts';

const { SIGKILL, SIGTERM, SIGCONT } = constants.signals;
const { ENOENT, EACCES, EPERM, ENOEXEC, EINVAL } = constants.errno;
const LIMIT = { timeout: 60_000 };
const nothing = () => {};
const shell = (script: string): Partial<StartOptions> => ({ files: ['/bin/sh'], argv: ['sh', '-c', script] });

function folder(context: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'syscribe-'));
  context.after(() => rmSync(path, { recursive: true }));
  return path;
}

suite('the gate', LIMIT, () => {
  test('a child waits until go, and its end is told', async () => {
    const events: string[] = [];
    const exited = Promise.withResolvers<void>();
    const { child, pid } = native().start(
      START,
      (stage, errno) => events.push(`exec ${stage} ${errno}`),
      (code, signal) => {
        events.push(`exit ${code} ${signal}`);
        exited.resolve();
      },
    );
    assert.equal(native().processGroup(pid), native().processGroup(process.pid));
    assert.equal(native().kill(child, 0), true);
    assert.deepEqual(events, []);
    native().go(child);
    await exited.promise;
    assert.deepEqual(events.toSorted(), ['exec 0 0', 'exit 0 0']);
    assert.equal(native().kill(child, SIGTERM), false);
    assert.equal(native().processGroup(pid), 0);
    native().release(child);
  });

  test('a child that is released before go has ended, told to nobody', async () => {
    const before = descriptors().length;
    const { child, pid } = native().start(
      START,
      () => assert.fail('exec'),
      () => assert.fail('exit'),
    );
    native().release(child);
    assert.equal(existsSync(`/proc/${pid}`), false);
    assert.throws(() => native().go(child), /released/);
    assert.throws(() => native().kill(child, SIGKILL), /released/);
    native().release(child);
    assert.equal(descriptors().length, before);
  });

  test('one that was killed or stopped there can be released and let go', async () => {
    for (const signal of [SIGKILL, constants.signals.SIGSTOP]) {
      const { child, pid } = native().start(START, nothing, nothing);
      native().kill(child, signal);
      native().release(child);
      assert.equal(existsSync(`/proc/${pid}`), false);
    }
    const exited = Promise.withResolvers<readonly number[]>();
    const { child } = native().start(START, nothing, (...result) => exited.resolve(result));
    native().kill(child, SIGKILL);
    assert.deepEqual(await exited.promise, [0, SIGKILL]);
    assert.throws(() => native().go(child), { operation: 'go' });
    assert.equal(native().kill(child, SIGCONT), false);
    native().release(child);
  });

  test('go twice throws; release while it runs lets it run', async (context) => {
    const file = join(folder(context), 'ran');
    const executed = Promise.withResolvers<void>();
    const { child } = native().start(
      { ...START, ...shell(`sleep 0.05; echo done > ${file}`) },
      () => executed.resolve(),
      () => assert.fail('told after release'),
    );
    native().go(child);
    assert.throws(() => native().go(child), { operation: 'go' });
    await executed.promise;
    native().release(child);
    await until('the command has written', () => existsSync(file) && readFileSync(file, 'utf8') === 'done\n');
  });

  test('release in its own callbacks', async () => {
    const exited = Promise.withResolvers<void>();
    const { child } = native().start(START, nothing, () => {
      native().release(child);
      exited.resolve();
    });
    native().go(child);
    await exited.promise;
    const executed = Promise.withResolvers<void>();
    const other = native().start(
      START,
      () => {
        native().release(other.child);
        executed.resolve();
      },
      nothing,
    );
    native().go(other.child);
    await executed.promise;
  });
});

test('two hundred in a row leave no zombie and no descriptor', LIMIT, async () => {
  await finish();
  const before = { descriptors: descriptors().length, children: [...children().keys()] };
  for (let round = 0; round < 40; round += 1)
    await Promise.all(Array.from({ length: 5 }, (_, index) => finish(shell(`exit ${index}`))));
  await until('no descriptor is left', () => descriptors().length === before.descriptors);
  assert.deepEqual(
    [...children().keys()].filter((pid) => !before.children.includes(pid)),
    [],
  );
});

suite('how it ends', LIMIT, () => {
  test('code or signal', async () => {
    assert.deepEqual((await finish(shell('exit 77'))).exited, [77, 0]);
    assert.deepEqual((await finish(shell('kill -TERM $$'))).exited, [0, SIGTERM]);
  });

  test('what failed before the exec is told with its step', async (context) => {
    const path = folder(context);
    const text = join(path, 'text');
    writeFileSync(text, 'exit 3\n', { mode: 0o755 });
    writeFileSync(join(path, 'plain'), '', { mode: 0o644 });
    writeFileSync(join(path, 'broken'), '\x7fELF broken', { mode: 0o755 });
    const ended = async (options: Partial<StartOptions>) => {
      const { executed, exited } = await finish(options);
      return [STAGES[executed[0]], executed[1], exited[0]];
    };
    assert.deepEqual(await ended({ files: [] }), ['find', ENOENT, 127]);
    assert.deepEqual(await ended({ files: ['/nonexistent/x'] }), ['find', ENOENT, 127]);
    assert.deepEqual(await ended({ files: [join(path, 'plain'), '/nonexistent/x'] }), ['find', EACCES, 127]);
    assert.deepEqual(await ended({ files: [path] }), ['exec', EACCES, 126]);
    // Without an interpreter line it is the shell's; so is what is no program at all, and the shell says so.
    assert.deepEqual(await ended({ files: [text] }), ['none', 0, 3]);
    assert.notDeepEqual(await ended({ files: [join(path, 'broken')] }), ['exec', ENOEXEC, 126]);
    // An argument list that is empty, and one that is too long.
    assert.deepEqual(await ended({ argv: [] }), ['none', 0, 0]);
    assert.deepEqual((await ended({ argv: ['true', 'x'.repeat(1 << 22)] }))[0], 'exec');
    const wrong = Buffer.alloc(8, 0xff);
    assert.deepEqual(await ended({ filter: wrong }), ['filter', EINVAL, 125]);
  });

  test('of several files the first that can be executed is taken', async () => {
    const { exited } = await finish({ files: ['/nonexistent', '/etc/passwd', '/bin/sh'], argv: ['x', '-c', 'exit 9'] });
    assert.deepEqual(exited, [9, 0]);
  });
});

suite('what it starts with', LIMIT, () => {
  const prints = async (context: TestContext, script: string, options: Partial<StartOptions> = {}) => {
    const file = join(folder(context), 'out');
    const { exited } = await finish({
      ...shell(`{ ${script}; } >"$OUT"`),
      env: [`OUT=${file}`, 'PATH=/usr/bin:/bin'],
      ...options,
    });
    assert.deepEqual(exited, [0, 0]);
    return readFileSync(file, 'utf8').trim();
  };

  test('environment and arguments as given', async (context) => {
    assert.equal(await prints(context, 'env | grep -c LD_PRELOAD || true'), '0');
    const many = Array.from({ length: 3000 }, (_, index) => `ä ${index}`);
    const argv = ['sh', '-c', 'shift 2999; echo "$*" >"$OUT"', 'x', ...many];
    assert.equal(await prints(context, '', { argv }), 'ä 2999');
  });

  test('no descriptor but the standard ones', async (context) => {
    const listed = await prints(context, 'ls /proc/self/fd | tr "\\n" " "');
    // ls has one open itself; high ones that this process got from its own parent are passed on (`<(…)` of a shell).
    assert.deepEqual(
      listed.split(' ').filter((fd) => Number(fd) < 16),
      ['0', '1', '2', '3'],
    );
  });

  test('signals by default, none blocked', async (context) => {
    const status = await prints(context, 'grep -E "^Sig(Blk|Ign)" /proc/self/status');
    assert.deepEqual(status.match(/[0-9a-f]{16}/g), ['0'.repeat(16), '0'.repeat(16)]);
  });

  test('another user, with its groups and without capabilities', async (context) => {
    const user = { changeUser: true, uid: 65534, gid: 65533, groups: [65533, 1234] };
    const filter = native().buildFilter({ ...FILTER, defaultAction: 0x7fff0000, rules: [] }).program;
    for (const options of [user, { ...user, filter }]) {
      const path = folder(context);
      const file = join(path, 'out');
      writeFileSync(file, '', { mode: 0o666 });
      const { chmodSync } = await import('node:fs');
      chmodSync(path, 0o755);
      chmodSync(file, 0o666);
      const { exited } = await finish({
        ...options,
        ...shell(`{ id -u; id -g; id -G; grep -E "^Cap(Prm|Eff|Amb)|NoNewPrivs" /proc/self/status; } >${file}`),
        env: ['PATH=/usr/bin:/bin'],
      });
      assert.deepEqual(exited, [0, 0]);
      const none = '0'.repeat(16);
      assert.equal(
        readFileSync(file, 'utf8').replaceAll('\t', ' '),
        `65534\n65533\n65533 1234\nCapPrm: ${none}\nCapEff: ${none}\nCapAmb: ${none}\nNoNewPrivs: 0\n`,
      );
    }
  });

  test('its filter, which may refuse the exec itself', async () => {
    const refuse = (name: string) =>
      native().buildFilter({
        ...FILTER,
        defaultAction: 0x7fff0000,
        rules: [{ name, action: 0x00050000 | EPERM, args: [] }],
      }).program;
    assert.deepEqual((await finish({ filter: refuse('execve') })).executed, [STAGES.indexOf('exec'), EPERM]);
    assert.deepEqual((await finish({ filter: refuse('mkdir'), ...shell('mkdir /tmp/never') })).exited, [1, 0]);
  });
});

test('the sanitizers are in it', { skip: SANITIZED ? false : 'not under test/native/run.sh' }, () => {
  const maps = readFileSync('/proc/self/maps', 'utf8');
  assert.match(maps, /libasan/);
  assert.match(maps, /syscribe\.node/);
});
