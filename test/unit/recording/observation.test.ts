import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Counters, SlotState } from '../../../src/capture/ebpf/layout.ts';
import { incompleteness } from '../../../src/recording/observation.ts';

const STATE: SlotState = {
  generation: 0,
  live: 0,
  processes: 1,
  execs: 1,
  lostEvents: 0,
  untagged: 0,
  movedThreads: 0,
  overflowLost: 0,
  seeded: 0,
  hostExecs: 0,
  members: 1,
  membersFull: 0,
};
const COUNTERS: Counters = { noSlot: 0, membersFull: 0, busy: 0, unremoved: 0 };

test('nothing missed: complete, also with lost evidence and a runtime’s execs', () => {
  assert.deepEqual(incompleteness({ ...STATE, lostEvents: 5, hostExecs: 3 }, COUNTERS, 0, []), []);
});

for (const [state, counters, misses, phases, expected] of [
  [{ seeded: 2 }, {}, 0, [], ['began-late', 'recording began after the workload']],
  [{}, {}, 0, ['workload'], ['still-running', '1 process still running']],
  [{}, {}, 0, ['workload', 'workload'], ['still-running', '2 processes still running']],
  [{ untagged: 1 }, {}, 0, [], ['untagged', '1 task was not followed since the kernel had no memory for a tag']],
  [{ untagged: 2 }, {}, 0, [], ['untagged', '2 tasks were not followed since the kernel had no memory for a tag']],
  [{}, {}, 3, [], ['skipped', '3 calls skipped by the kernel, whose recursion check found a program running']],
  [{ overflowLost: 1 }, {}, 0, [], ['overflow', 'more numbers off the table were called than there is room for']],
  [{}, { noSlot: 1 }, 0, [], ['no-slot', '1 cgroup found no free slot']],
  [
    { membersFull: 2 },
    {},
    0,
    [],
    ['members-full', '2 cgroups of its own found no room: what ran in there may be missing'],
  ],
] as const)
  test(`partial: ${expected[1]}`, () => {
    const survivors = phases.map((phase) => ({ phase }));
    const [code, message] = expected;
    assert.deepEqual(incompleteness({ ...STATE, ...state }, { ...COUNTERS, ...counters }, misses, survivors), [
      { code, message },
    ]);
  });

test('a host’s programs in a cgroup that held no container are told', () => {
  const [reason] = incompleteness({ ...STATE, execs: 0, hostExecs: 2 }, COUNTERS, 0, []);
  assert.equal(reason?.code, 'host-only');
});
