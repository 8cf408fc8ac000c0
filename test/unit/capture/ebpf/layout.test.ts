import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  decodeEvents,
  decodeFound,
  decodeOverflow,
  decodeSeen,
  decodeSlotCgroup,
  decodeState,
  EVENT_SIZE,
  NR_MAX,
  OVERFLOW_AT,
  SEEN_SIZE,
  SLOT_CGROUP_SIZE,
  STATE_SIZE,
} from '../../../../src/capture/ebpf/layout.ts';

test('sizes are those that the kernel side asserts', () => {
  const header = readFileSync(new URL('../../../../bpf/record.h', import.meta.url), 'utf8');
  const asserted = new Map(
    [...header.matchAll(/_Static_assert\(sizeof\(struct (\w+)\) == (\d+)/g)].map(([, name, size]) => [
      name,
      Number(size),
    ]),
  );
  assert.equal(asserted.get('seen'), SEEN_SIZE);
  assert.equal(asserted.get('slot_state'), STATE_SIZE);
  assert.equal(asserted.get('slot_cgroup'), SLOT_CGROUP_SIZE);
  assert.equal(asserted.get('event'), EVENT_SIZE);
  assert.match(header, new RegExp(`#define NR_MAX ${NR_MAX} `));
});

test('each byte of the seen set is a phase, an ABI and a number', () => {
  const seen = Buffer.alloc(SEEN_SIZE);
  for (const at of [0, NR_MAX + 5, 2 * NR_MAX + 39, 3 * NR_MAX + 1, SEEN_SIZE - 1]) seen[at] = 1;
  assert.deepEqual(
    [...decodeSeen(seen)],
    [
      { phase: 'workload', abi: 'native', nr: 0 },
      { phase: 'workload', abi: 'compat', nr: 5 },
      { phase: 'workload', abi: 'x32', nr: 39 },
      { phase: 'runtime', abi: 'native', nr: 1 },
      { phase: 'runtime', abi: 'x32', nr: NR_MAX - 1 },
    ],
  );
});

test('an event is decoded field by field; an unknown kind and a cut one are left out', () => {
  const event = Buffer.alloc(EVENT_SIZE);
  event.writeUInt32LE(2, 4);
  event.writeUInt32LE(7, 8);
  event.writeUInt16LE(1, 12);
  event.writeBigUInt64LE(83n, 16);
  event.writeBigUInt64LE(123n, 24);
  event.writeUInt32LE(41, 32);
  event.writeUInt32LE(42, 36);
  event.write('sixteen-bytes-xx', 40);
  const unknown = Buffer.alloc(EVENT_SIZE);
  unknown.writeUInt32LE(99, 0);
  assert.deepEqual(
    [...decodeEvents(Buffer.concat([event, unknown, event.subarray(0, 20)]))],
    [
      {
        kind: 'seen',
        slot: 2,
        generation: 7,
        abi: 'compat',
        phase: 'workload',
        value: 83n,
        time: 123n,
        tgid: 41,
        tid: 42,
        comm: 'sixteen-bytes-xx',
      },
    ],
  );
});

test('numbers off the table keep their sign, up to the first place that is free', () => {
  const state = Buffer.alloc(STATE_SIZE);
  const used = 1n << 63n;
  state.writeBigUInt64LE(used | 0xffffffffn, OVERFLOW_AT);
  state.writeBigUInt64LE(used | (1n << 40n) | (2n << 32n) | 5000n, OVERFLOW_AT + 8);
  state.writeBigUInt64LE(used | 6000n, OVERFLOW_AT + 24);
  assert.deepEqual(
    [...decodeOverflow(state)],
    [
      { phase: 'workload', abi: 'native', nr: -1 },
      { phase: 'runtime', abi: 'x32', nr: 5000 },
    ],
  );
  state.fill(0xff, OVERFLOW_AT);
  assert.equal([...decodeOverflow(state)].length, 16);
});

test('state and found tasks are decoded by offset', () => {
  const state = Buffer.alloc(STATE_SIZE);
  state.writeUInt32LE(1, 0);
  state.writeInt32LE(-1, 8);
  state.writeUInt32LE(3, 12);
  for (let field = 0; field < 9; field += 1) state.writeBigUInt64LE(BigInt(10 + field), 16 + 8 * field);
  assert.deepEqual(decodeState(state), {
    generation: 1,
    live: -1,
    members: 3,
    processes: 10,
    execs: 11,
    lostEvents: 12,
    untagged: 13,
    movedThreads: 14,
    overflowLost: 15,
    seeded: 16,
    hostExecs: 17,
    membersFull: 18,
  });
  const found = Buffer.alloc(16);
  found.writeUInt32LE(5, 0);
  found.writeUInt16LE(1, 12);
  found.writeUInt16LE(1, 14);
  assert.deepEqual([...decodeFound(found)], [{ tgid: 5, slot: 0, generation: 0, phase: 'runtime', adopted: true }]);
});

test('the cgroup of a slot is decoded with its names, the longest among them', () => {
  const cgroup = Buffer.alloc(SLOT_CGROUP_SIZE);
  for (const [index, value] of [11n, 12n, 13n].entries()) cgroup.writeBigUInt64LE(value, 8 * index);
  cgroup.writeUInt32LE(4, 24);
  cgroup.write('c'.repeat(127), 32);
  cgroup.write('pod1', 160);
  assert.deepEqual(decodeSlotCgroup(cgroup), {
    id: 11n,
    born: 12n,
    dead: 13n,
    generation: 4,
    name: 'c'.repeat(127),
    parent: 'pod1',
  });
});
