import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { KernelEvent } from '../../../src/capture/ebpf/layout.ts';
import { type BpfOptions, BpfRecorder } from '../../../src/capture/ebpf/object.ts';
import { parseCgroupMounts, parseHierarchies } from '../../../src/container/cgroup.ts';
import { syscallName } from '../../../src/kernel/syscalls.ts';

export const NO_SLOT = 0xffffffff;

/** A directory for pins, in a bpffs of the test's own. */
export function bpffs(context: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-bpffs-'));
  execFileSync('mount', ['-t', 'bpf', 'syscribe-test', directory]);
  const pins = join(directory, 'pins');
  mkdirSync(pins);
  context.after(() => {
    rmSync(pins, { recursive: true });
    execFileSync('umount', [directory]);
    rmdirSync(directory);
  });
  return pins;
}

let count = 0;

/**
 * A new cgroup of the v2 hierarchy, or of a v1 controller's, removed after the test with those below it; in the other
 * hierarchies too, where a runtime makes the same path.
 */
export function makeCgroup(context: TestContext, controller = ''): string {
  const mounts = parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'));
  const mount = mounts.find(({ version, controllers }) =>
    controller ? controllers.includes(controller) : version === 2,
  );
  if (!mount) throw new Error(`no cgroup hierarchy ${controller || 'v2'} is mounted`);
  const name = `syscribe-test-${process.pid}-${count++}`;
  const path = join(mount.path, name);
  mkdirSync(path);
  context.after(() => {
    for (const { path: hierarchy } of mounts) if (existsSync(join(hierarchy, name))) removeTree(join(hierarchy, name));
  });
  return path;
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  rmdirSync(path);
}

export function hierarchyOf(controller: string): number {
  const number = parseHierarchies(readFileSync('/proc/self/cgroup', 'utf8')).get(controller);
  if (number === undefined) throw new Error(`no hierarchy for ${controller}`);
  return number;
}

export function cgroupId(path: string): bigint {
  return statSync(path, { bigint: true }).ino;
}

/** A recorder that records the cgroup at `path` and all below it into one slot; closed after the test. */
export function recordCgroup(
  context: TestContext,
  path: string,
  options: BpfOptions & { levels?: number; hostToo?: boolean } = {},
): { bpf: BpfRecorder; slot: number; events: KernelEvent[] } {
  const { levels = 0, hostToo = false, ...settings } = options;
  const bpf = new BpfRecorder(settings);
  context.after(() => bpf.close());
  const slot = levels > 0 ? NO_SLOT : (bpf.claimSlot() ?? NO_SLOT);
  const events: KernelEvent[] = [];
  bpf.listen((event) => events.push(event));
  bpf.attach(['tasks', 'calls', 'cgroups']);
  bpf.addMember(cgroupId(path), { slot, generation: 0, levels, anyMountNamespace: hostToo ? 1 : 0 });
  return { bpf, slot, events };
}

/** Names of the workload's calls in a slot, sorted. */
export function workloadCalls(bpf: BpfRecorder, slot: number): string[] {
  const calls = bpf.calls(slot).filter(({ phase }) => phase === 'workload');
  return calls
    .map(({ abi, nr }) => syscallName(abi === 'native' ? 'x86_64' : abi === 'compat' ? 'i386' : 'x32', nr) ?? `${nr}`)
    .sort();
}

/** Of `struct control` in record.h: what is before its `stacks`, and these. */
const BEFORE_STACKS = 128 + 1024 * 64;
const STACKS_SIZE = 16384 * 4;

/** Tasks by whose stack `sys_enter` looks further, of all recorders that are open here: what each costs shows nowhere else. */
export function tasksInStacks(): number {
  const pages = Math.ceil((BEFORE_STACKS + STACKS_SIZE) / 4096) * 4096;
  const maps = readFileSync('/proc/self/maps', 'utf8').matchAll(/^(\w+)-(\w+) .* anon_inode:bpf-map$/gm);
  const starts = [...maps].map(([, start, end]) => [Number(`0x${start}`), Number(`0x${end}`)] as const);
  const memory = openSync('/proc/self/mem', 'r');
  try {
    return starts
      .filter(([start, end]) => end - start === pages)
      .map(([start]) => {
        const stacks = new Uint32Array(STACKS_SIZE / 4);
        readSync(memory, stacks, { position: start + BEFORE_STACKS });
        return stacks.reduce((sum, tasks) => sum + tasks, 0);
      })
      .reduce((sum, tasks) => sum + tasks, 0);
  } finally {
    closeSync(memory);
  }
}
