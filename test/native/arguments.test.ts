import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspect } from 'node:util';
import { type Native, native } from '../../src/capture/native.ts';
import { until } from '../support/until.ts';
import { children, FILTER, LOAD, START } from './support.ts';

type Name = keyof Native;
const call = (name: Name, ...args: unknown[]): unknown => (native()[name] as (...args: unknown[]) => unknown)(...args);
const nothing = () => {};
const member = { slot: 0, generation: 0, levels: 0, anyMountNamespace: 0 };

/** Functions by the kind of handle that they take, with arguments that are right behind it. */
const BY_HANDLE = {
  recorder: {
    attach: ['syscribe_exec'],
    close: [],
    walk: [],
    misses: [],
    claimSlot: [],
    keepSlot: [0],
    freeSlot: [0],
    seen: [0],
    state: [0],
    counters: [],
    addMember: [1n, member],
    isMember: [1n],
    tagProcess: [0, 0],
    setRoot: [0, 0],
    listen: [nothing],
    drain: [],
  },
  child: { go: [], kill: [0], release: [] },
  signals: { unwatchSignals: [] },
  audit: { closeAudit: [], drainAudit: [] },
  processes: { closeProcesses: [], drainProcesses: [], lostProcesses: [] },
} as const;
type Kind = keyof typeof BY_HANDLE;

const OPEN: Record<Kind, () => { handle: unknown; close: () => void }> = {
  recorder: () => {
    const handle = native().load(LOAD);
    return { handle, close: () => native().close(handle) };
  },
  child: () => {
    const { child, pidfd } = native().start(START, nothing, nothing);
    assert.ok(pidfd > 0);
    return { handle: child, close: () => native().release(child) };
  },
  signals: () => {
    const handle = native().watchSignals([], nothing);
    return { handle, close: () => native().unwatchSignals(handle) };
  },
  audit: () => {
    const handle = native().openAudit(4096, nothing);
    return { handle, close: () => native().closeAudit(handle) };
  },
  processes: () => {
    const handle = native().openProcesses({ hierarchy: 0, controller: '', ringBytes: 4096 }, nothing);
    return { handle, close: () => native().closeProcesses(handle) };
  },
};
const KINDS = Object.keys(OPEN) as Kind[];

function fail(): never {
  throw new TypeError('getter');
}

const WRONG = {
  undefined: undefined,
  null: null,
  'a number': 7,
  'a negative number': -1,
  'a huge number': 2 ** 53,
  'not a number': Number.NaN,
  'a fraction': 0.5,
  'a string': 'x',
  'a string with a NUL': 'a\0b',
  'a bigint': 2n ** 70n,
  'a symbol': Symbol('x'),
  'an object': {},
  'an array': [1],
  'a buffer': Buffer.alloc(8),
  'an object that throws': new Proxy({}, { get: () => fail() }),
  'a revoked proxy': revoked(),
};

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** `base` with one property replaced by each of `values`; has to throw. */
function refusesEach(
  base: object,
  wrong: Readonly<Record<string, readonly unknown[]>>,
  use: (made: object) => unknown,
) {
  for (const [property, values] of Object.entries(wrong))
    for (const value of values)
      assert.throws(() => use({ ...base, [property]: value }), Error, `${property}: ${inspect(value)}`);
}

const NOT_U32 = [undefined, null, 'x', '1', -1, 2 ** 32, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 0.5, 1n, {}];
const NOT_STRINGS = [undefined, null, 'x', 1, {}, [1], [undefined], ['a\0b'], new Array(3), [Symbol('x')], throwing()];

function throwing(): unknown[] {
  return Object.defineProperty([1, 2], 0, { get: () => fail() });
}

suite('handles', () => {
  for (const kind of KINDS) {
    test(`functions of a ${kind} refuse everything else`, () => {
      const others = KINDS.filter((other) => other !== kind).map((other) => ({ other, ...OPEN[other]() }));
      for (const [name, args] of Object.entries(BY_HANDLE[kind]) as [Name, readonly unknown[]][]) {
        for (const { other, handle } of others)
          assert.throws(() => call(name, handle, ...args), TypeError, `${name}(${other})`);
        for (const [what, value] of Object.entries(WRONG))
          assert.throws(() => call(name, value, ...args), TypeError, `${name}(${what})`);
      }
      for (const { close } of others) close();
    });

    test(`functions of a ${kind} refuse too few arguments`, () => {
      const { handle, close } = OPEN[kind]();
      for (const [name, args] of Object.entries(BY_HANDLE[kind]) as [Name, readonly unknown[]][]) {
        assert.throws(() => call(name), TypeError, name);
        if (args.length > 0) assert.throws(() => call(name, handle, ...args.slice(1)), TypeError, name);
      }
      close();
    });
  }
});

suite('recorder', () => {
  test('load refuses wrong options', () => {
    for (const [what, value] of Object.entries(WRONG)) assert.throws(() => call('load', value), TypeError, what);
    refusesEach(
      LOAD,
      {
        slots: [...NOT_U32, 0, 0xffffffff],
        slotMembers: [...NOT_U32, 0xffffffff],
        parents: [...NOT_U32, 0xffffffff],
        ringBytes: [...NOT_U32, 0, 0xffffffff],
        hostMountNamespace: NOT_U32,
        failTags: NOT_U32,
        hierarchy: [undefined, 'x', 1n, {}, 2 ** 31, -(2 ** 31) - 1, Number.NaN, 0.5],
        reportProcesses: [undefined, 0, 'true'],
        nameCgroups: [undefined, 0, 'true'],
        pin: [undefined, 1, 'a\0b'],
        controller: [undefined, 1, 'a\0b', 'no-such-controller', 'x'.repeat(1 << 20), '%s%n%n'],
      },
      (options) => call('load', options),
    );
  });

  test('every number, name and callback is checked', () => {
    const recorder = native().load(LOAD);
    for (const slot of [...NOT_U32, LOAD.slots, 0xffffffff]) {
      for (const name of ['keepSlot', 'freeSlot', 'seen', 'state'] as const)
        assert.throws(() => call(name, recorder, slot), Error, `${name}(${String(slot)})`);
      assert.throws(() => call('tagProcess', recorder, 0, slot));
      assert.throws(() => call('setRoot', recorder, 0, slot));
    }
    for (const value of NOT_U32) {
      assert.throws(() => call('tagProcess', recorder, value, 0));
      assert.throws(() => call('setRoot', recorder, value, 0));
    }
    for (const id of [1, -1n, 2n ** 64n, '1', undefined, {}]) {
      assert.throws(() => call('isMember', recorder, id), TypeError);
      assert.throws(() => call('addMember', recorder, id, member), TypeError);
    }
    refusesEach(member, { slot: NOT_U32, generation: NOT_U32, levels: NOT_U32, anyMountNamespace: NOT_U32 }, (made) =>
      call('addMember', recorder, 1n, made),
    );
    for (const value of Object.values(WRONG)) {
      assert.throws(() => call('addMember', recorder, 1n, value), Error);
      assert.throws(() => call('attach', recorder, value), Error);
      assert.throws(() => call('listen', recorder, value), TypeError);
    }
    assert.throws(() => call('attach', recorder, 'syscribe_enter\0'), TypeError);
    assert.throws(() => call('attach', recorder, 'x'.repeat(1 << 20)), { operation: 'attach' });
    native().close(recorder);
  });

  test('a process that could not be tagged is not counted', () => {
    const recorder = native().load(LOAD);
    const before = native().state(recorder, 0);
    for (const pidfd of [0x7fffffff, 0, 1])
      assert.throws(() => call('tagProcess', recorder, pidfd, 0), { operation: 'tagProcess' });
    assert.deepEqual(native().state(recorder, 0), before);
    native().close(recorder);
  });
});

suite('process', () => {
  test('start refuses wrong options, and forks nothing then', () => {
    for (const [what, value] of Object.entries(WRONG))
      assert.throws(() => call('start', value, nothing, nothing), Error, what);
    const bytes = (count: number) => Buffer.alloc(count * 8);
    refusesEach(
      START,
      {
        files: NOT_STRINGS,
        argv: NOT_STRINGS,
        env: NOT_STRINGS,
        groups: [undefined, null, 'x', [-1], ['1'], [undefined], new Array(2), throwing(), [2 ** 32]],
        uid: NOT_U32,
        gid: NOT_U32,
        filterFlags: NOT_U32,
        loginUid: NOT_U32,
        changeUser: [undefined, 1, 'x'],
        noNewPrivileges: [undefined, 1, 'x'],
        filter: [undefined, 'x', 1, {}, [], bytes(0), Buffer.alloc(7), bytes(4097)],
      },
      (options) => call('start', options, nothing, nothing),
    );
  });

  test('start refuses what is no function', () => {
    for (const value of Object.values(WRONG)) {
      assert.throws(() => call('start', START, value, nothing), TypeError);
      assert.throws(() => call('start', START, nothing, value), TypeError);
    }
    for (const args of [[], [START], [START, nothing]]) assert.throws(() => call('start', ...args), TypeError);
  });

  test('kill refuses what is no signal; processGroup finds only processes', async () => {
    const exited = Promise.withResolvers<void>();
    const { child } = native().start(START, nothing, () => exited.resolve());
    for (const signal of [...NOT_U32, 65, 1000, 0xffffffff]) assert.throws(() => call('kill', child, signal), Error);
    native().go(child);
    await exited.promise;
    native().release(child);
    for (const value of NOT_U32) assert.throws(() => call('processGroup', value), TypeError);
    for (const pid of [0x7fffffff, 0xffffffff, 0x80000000]) assert.equal(call('processGroup', pid), 0);
    assert.throws(() => call('processGroup'), TypeError);
  });
});

suite('signals, audit, filter', () => {
  test('watchSignals and openAudit refuse what is no array, no number and no function', () => {
    for (const value of [...NOT_STRINGS.filter((made) => !Array.isArray(made)), [-1], ['x'], [2 ** 32], throwing()])
      assert.throws(() => call('watchSignals', value, nothing), Error, inspect(value));
    for (const value of Object.values(WRONG)) {
      assert.throws(() => call('watchSignals', [], value), TypeError);
      assert.throws(() => call('openAudit', 4096, value), TypeError);
    }
    for (const size of NOT_U32) assert.throws(() => call('openAudit', size, nothing), TypeError);
    for (const args of [[], [[]]]) assert.throws(() => call('watchSignals', ...args), TypeError);
    assert.throws(() => call('openAudit'), TypeError);
    // None of them has left a watch behind.
    native().unwatchSignals(native().watchSignals([], nothing));
  });

  test('openProcesses refuses wrong options', () => {
    const options = { hierarchy: 0, controller: '', ringBytes: 4096 };
    for (const value of Object.values(WRONG)) {
      assert.throws(() => call('openProcesses', value, nothing), Error);
      assert.throws(() => call('openProcesses', options, value), TypeError);
    }
    refusesEach(
      options,
      {
        hierarchy: [undefined, 'x', 2 ** 31, 0.5],
        controller: [undefined, 1, 'a\0b', 'nosuch'],
        ringBytes: [...NOT_U32, 0],
      },
      (made) => call('openProcesses', made, nothing),
    );
  });

  test('unmapPages refuses what is no range of this process', () => {
    for (const [what, value] of Object.entries(WRONG)) {
      assert.throws(() => call('unmapPages', value, 0n), TypeError, what);
      assert.throws(() => call('unmapPages', 0n, value), TypeError, what);
    }
    assert.throws(() => call('unmapPages', 8192n, 4096n), { operation: 'madvise' });
    assert.throws(() => call('unmapPages', 1n, 4096n), { operation: 'madvise' });
  });

  test('buildFilter refuses wrong options', () => {
    for (const [what, value] of Object.entries(WRONG)) assert.throws(() => call('buildFilter', value), TypeError, what);
    assert.throws(() => call('buildFilter'), TypeError);
    refusesEach(
      FILTER,
      {
        defaultAction: [...NOT_U32, 0x12345678],
        architectures: [undefined, null, 'x', [-1], ['x'], [0xffffffff], throwing(), new Array(2)],
        rules: [undefined, null, 'x', {}, [undefined], [null], [1], [{}], throwing(), new Array(2)],
      },
      (options) => call('buildFilter', options),
    );
  });

  test('buildFilter refuses wrong rules', () => {
    const arg = { index: 0, op: 4, value: 1n, valueTwo: 0n };
    const rule = { name: 'write', action: 0x7fff0000, args: [arg] };
    const build = (made: object) => call('buildFilter', { ...FILTER, rules: [made] });
    const seven = Array.from({ length: 7 }, () => arg);
    assert.ok(build(rule));
    refusesEach(
      rule,
      {
        name: [undefined, 1, 'a\0b', null, {}],
        action: [...NOT_U32, 0x12345678],
        args: [undefined, null, 'x', {}, [1], [null], seven, throwing(), [arg, arg]],
      },
      build,
    );
    const notU64 = [undefined, 1, -1n, 2n ** 64n, '1'];
    refusesEach(arg, { index: [...NOT_U32, 6], op: [...NOT_U32, 0, 9], value: notU64, valueTwo: notU64 }, (made) =>
      build({ ...rule, args: [made] }),
    );
  });
});

test('nothing of all this is left', { timeout: 5000 }, async () => {
  await until('all children are reaped', () => children().size === 0);
});
