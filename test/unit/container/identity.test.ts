import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CgroupNames } from '../../../src/container/cgroup-names.ts';
import { Identity } from '../../../src/container/identity.ts';
import { ProcessTable } from '../../../src/container/process-table.ts';

const A = 'a1'.repeat(32);
const B = 'b2'.repeat(32);
/** Far enough in the past that no record of the tests is later than now. */
const BOOT = Date.now() - 1_000_000_000;

/** A directory that looks like /proc. */
function fakeProc(context: TestContext) {
  const proc = mkdtempSync(join(tmpdir(), 'syscribe-proc-'));
  context.after(() => rmSync(proc, { recursive: true }));
  return {
    proc,
    /** A process born at `born` milliseconds of the boot clock. */
    add: (pid: number, born: number, cgroup: string, comm = 'x') => {
      mkdirSync(join(proc, `${pid}`), { recursive: true });
      const fields = Array.from({ length: 30 }, (_, index) => (index === 18 ? born / 10 : 0));
      writeFileSync(join(proc, `${pid}`, 'stat'), `${pid} (${comm}) S ${fields.join(' ')}`);
      writeFileSync(join(proc, `${pid}`, 'cgroup'), `0::${cgroup}\n`);
    },
    remove: (pid: number) => rmSync(join(proc, `${pid}`), { recursive: true }),
  };
}

function told(limit?: number) {
  const cgroups = new CgroupNames();
  cgroups.add(1, 0, '');
  cgroups.add(10, 1, 'docker');
  cgroups.add(11, 10, A);
  cgroups.add(12, 10, B);
  cgroups.add(13, 11, 'nested');
  return { processes: new ProcessTable(limit), cgroups };
}

test('a process that is gone is known by what the kernel told; each life of a number by its own time', (context) => {
  const { proc } = fakeProc(context);
  const sources = told();
  sources.processes.born(7, 11, 1000);
  sources.processes.born(7, 12, 2000);
  sources.processes.born(7, 1, 3000);
  const identity = new Identity({ told: sources, bootTime: () => BOOT, proc });
  const at = (time: number) => identity.ownerOf(7, BOOT + time);
  assert.equal(at(500), undefined);
  assert.equal(at(1000)?.container, A);
  assert.equal(at(1790)?.container, A);
  assert.equal(at(1810)?.container, B, 'the audit clock is late');
  assert.deepEqual(at(5000), { container: undefined }, 'of the host');
});

test('a number that is used again many times before its records are read stands for each in its time', (context) => {
  const { proc } = fakeProc(context);
  const sources = told();
  for (let life = 0; life < 50; life++) sources.processes.born(7, life % 2 === 0 ? 11 : 12, life * 1000);
  const identity = new Identity({ told: sources, bootTime: () => BOOT, proc });
  for (let life = 0; life < 50; life++)
    assert.equal(identity.ownerOf(7, BOOT + life * 1000 + 500)?.container, life % 2 === 0 ? A : B);
});

test('once births are forgotten, a number does not stand for whom it was seen with before', (context) => {
  const { proc, add, remove } = fakeProc(context);
  const sources = told(10);
  const identity = new Identity({ told: sources, bootTime: () => BOOT, proc });
  add(7, 500, `/docker/${A}`);
  assert.equal(identity.ownerOf(7, BOOT + 600)?.container, A);
  remove(7);
  const later = Date.now() - BOOT + 10_000;
  sources.processes.born(7, 12, later);
  for (let pid = 100; pid < 110; pid++) sources.processes.born(pid, 12, later + 1);
  assert.equal(identity.ownerOf(7, BOOT + later + 500), undefined);
});

test('a runtime’s process counts to its container from its move on; nested cgroups to the outer container', (context) => {
  const { proc } = fakeProc(context);
  const sources = told();
  sources.processes.born(7, 1, 1000);
  sources.processes.moved(7, 13, 1500);
  const identity = new Identity({ told: sources, bootTime: () => BOOT, proc });
  assert.equal(identity.ownerOf(7, BOOT + 1200)?.container, undefined);
  assert.equal(identity.ownerOf(7, BOOT + 1600)?.container, A);
});

test('what was there before is looked up in /proc; one born after the record is not taken for its writer', (context) => {
  const { proc, add } = fakeProc(context);
  const identity = new Identity({ bootTime: () => BOOT, proc });
  add(7, 1000, `/docker/${A}`, ') S 1 (');
  assert.equal(identity.ownerOf(7, BOOT + 2000)?.container, A);
  add(8, 5000, `/docker/${A}`);
  assert.equal(identity.ownerOf(8, BOOT + 2000), undefined);
  assert.equal(identity.ownerOf(9, BOOT + 2000), undefined);
});

test('without the kernel’s word a number that is used again is noticed', (context) => {
  const { proc, add, remove } = fakeProc(context);
  const identity = new Identity({ bootTime: () => BOOT, proc });
  add(7, 1000, `/docker/${A}`);
  const now = Date.now();
  assert.equal(identity.ownerOf(7, now)?.container, A);
  remove(7);
  assert.equal(identity.ownerOf(7, now + 500)?.container, A, 'seen alive half a second before');
  assert.equal(identity.ownerOf(7, now + 5000), undefined);
  add(7, 1_000_000_000, `/docker/${B}`);
  assert.equal(identity.ownerOf(7, now + 5000)?.container, B);
  assert.equal(identity.ownerOf(7, BOOT + 2000), undefined, 'the first life is over and forgotten');
});

test('births that the kernel could not tell: older knowledge counts only where /proc agrees', (context) => {
  const { proc, add } = fakeProc(context);
  const sources = told();
  sources.processes.born(7, 11, 1000);
  sources.processes.born(8, 11, 1000);
  const identity = new Identity({ told: sources, bootTime: () => BOOT, proc });
  identity.doubt();
  const later = Date.now() + 1000;
  assert.equal(identity.ownerOf(7, later), undefined);
  add(8, 1000, `/docker/${A}`);
  assert.equal(identity.ownerOf(8, later)?.container, A);
  assert.equal(identity.ownerOf(7, BOOT + 1500)?.container, A, 'before the loss it is certain');
});

test('memory is bounded, and the newest births are kept', (context) => {
  const { proc } = fakeProc(context);
  const sources = told(100);
  for (let pid = 1; pid <= 10_000; pid++) sources.processes.born(pid, 11, pid);
  const identity = new Identity({ told: sources, bootTime: () => BOOT, proc });
  assert.equal(sources.processes.size, 100);
  assert.equal(identity.ownerOf(10_000, BOOT + 20_000)?.container, A);
  assert.equal(identity.ownerOf(1, BOOT + 20_000), undefined);
});

test('a number that nobody had is not looked for again for records of before, and found once somebody has it', (context) => {
  const { proc, add } = fakeProc(context);
  const identity = new Identity({ bootTime: () => BOOT, proc });
  assert.equal(identity.ownerOf(7, BOOT + 1000), undefined);
  // Had it been looked for again, this would have been found.
  add(7, 500, `/docker/${A}`);
  assert.equal(identity.ownerOf(7, BOOT + 1000), undefined);
  assert.equal(identity.ownerOf(7, Date.now() + 1000)?.container, A);
});
