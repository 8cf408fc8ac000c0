import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

/** What a kubelet and the bridge plugin set, or need; put back at the end. */
const SYSCTLS = [
  'net/ipv4/ip_forward',
  'vm/overcommit_memory',
  'kernel/panic',
  'kernel/panic_on_oops',
  'kernel/keys/root_maxkeys',
  'kernel/keys/root_maxbytes',
];
/** Directories that kubelet and libcni use whatever they are told. */
const DIRECTORIES = ['/var/lib/kubelet', '/var/lib/cni', '/etc/cni'];

/** Of a v2 cgroup: the controllers that its children have. */
const HANDED_ON = 'cgroup.subtree_control';

interface Before {
  readonly sysctls: Readonly<Record<string, string>>;
  /** Those that were not there. */
  readonly directories: readonly string[];
  /** Whether a bpffs was mounted at its place: recordings are pinned there. */
  readonly bpffs: boolean;
  /** Network namespaces of pods. */
  readonly namespaces: readonly string[];
  /** What each v2 hierarchy's root had handed on. */
  readonly controllers: Readonly<Record<string, readonly string[]>>;
}

export const BPFFS = '/sys/fs/bpf';

/** Whether the cluster has nodes: only then are cgroups, pins, mounts and pods' networks of this machine its own. */
export function hasNodes(directory: string): boolean {
  return existsSync(join(directory, 'host.json'));
}

/** Notes the machine's settings in the directory of a cluster with nodes. */
export function rememberHost(directory: string): void {
  const sysctls = Object.fromEntries(
    SYSCTLS.filter((name) => existsSync(join('/proc/sys', name))).map((name) => [
      name,
      readFileSync(join('/proc/sys', name), 'utf8').trim(),
    ]),
  );
  const bpffs = hasBpffs();
  const directories = DIRECTORIES.filter((path) => !existsSync(path));
  const controllers = Object.fromEntries(hierarchies().map((root) => [root, readControllers(root, HANDED_ON)]));
  const before: Before = { sysctls, directories, bpffs, namespaces: namespaces(), controllers };
  writeFileSync(join(directory, 'host.json'), JSON.stringify(before));
  if (!bpffs) execFileSync('mount', ['-t', 'bpf', 'bpf', BPFFS]);
}

/** Puts back what {@link rememberHost} noted, and removes what the cluster made outside its directory. */
export function restoreHost(directory: string): void {
  if (hasNodes(directory)) {
    const before: Before = JSON.parse(readFileSync(join(directory, 'host.json'), 'utf8'));
    for (const [name, value] of Object.entries(before.sysctls)) {
      const path = join('/proc/sys', name);
      if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
    }
    for (const path of before.directories) rmSync(path, { recursive: true, force: true });
    for (const name of existsSync(BPFFS) ? readdirSync(BPFFS) : [])
      if (name.startsWith('syscribe-node-')) rmSync(join(BPFFS, name), { recursive: true });
    if (!before.bpffs && hasBpffs()) execFileSync('umount', ['-l', BPFFS]);
    // Of pods whose runtime was killed.
    for (const name of namespaces()) if (!before.namespaces.includes(name)) ip('netns', 'del', name);
    for (const [root, names] of Object.entries(before.controllers)) {
      const more = readControllers(root, HANDED_ON).filter((name) => !names.includes(name));
      writeControllers(root, more, '-');
    }
  }
  for (const { local } of addresses()) ip('addr', 'del', `${local}/32`, 'dev', 'lo');
  for (const name of links()) ip('link', 'del', name);
}

function hasBpffs(): boolean {
  return / \/sys\/fs\/bpf .* - bpf /.test(readFileSync('/proc/self/mountinfo', 'utf8'));
}

/** Named by containerd. */
function namespaces(): string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns').filter((name) => name.startsWith('cni-')) : [];
}

/** Gives the machine's loopback device another address. */
export function addAddress(address: string): void {
  ip('addr', 'add', `${address}/32`, 'dev', 'lo', 'label', 'lo:syscribe');
}

/** Ends what is still mounted below a directory, the innermost first. */
export function unmountBelow(directory: string): void {
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .filter((path) => path.startsWith(`${directory}/`));
  for (const path of mounted.toReversed()) execFileSync('umount', ['-l', path]);
}

/** The mounted cgroup hierarchies. */
export function hierarchies(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .flatMap((line) => line.split(' ')[4] ?? []);
}

/** Makes a cgroup that has every controller of its hierarchy: in v2 each level hands them on. */
export function makeCgroup(hierarchy: string, name: string): void {
  mkdirSync(join(hierarchy, name), { recursive: true });
  const levels = name.split('/').map((_, depth, names) => join(hierarchy, ...names.slice(0, depth)));
  for (const level of levels) writeControllers(level, readControllers(level, 'cgroup.controllers'), '+');
}

/** Of a v2 cgroup; none where it is of v1. */
function readControllers(cgroup: string, file: string): string[] {
  const path = join(cgroup, file);
  return existsSync(path) ? readFileSync(path, 'utf8').split(/\s/).filter(Boolean) : [];
}

function writeControllers(cgroup: string, names: readonly string[], sign: '+' | '-'): void {
  if (names.length > 0) writeFileSync(join(cgroup, HANDED_ON), names.map((name) => `${sign}${name}`).join(' '));
}

/** Kills whatever is in a cgroup or below it, until nothing is. */
export async function killBelow(name: string): Promise<void> {
  for (;;) {
    const pids = hierarchies().flatMap((hierarchy) => processesBelow(join(hierarchy, name)));
    if (pids.length === 0) return;
    for (const pid of new Set(pids)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    await setImmediate();
  }
}

function processesBelow(path: string): number[] {
  if (!existsSync(path)) return [];
  const own = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  const below = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...own, ...below.flatMap(({ name }) => processesBelow(join(path, name)))];
}

/** Removes a cgroup and all below it, in every hierarchy. */
export function removeCgroups(name: string): void {
  for (const hierarchy of hierarchies()) if (existsSync(join(hierarchy, name))) removeTree(join(hierarchy, name));
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  rmdirSync(path);
}

function addresses(): { readonly local: string }[] {
  const [lo] = JSON.parse(ip('-j', 'addr', 'show', 'dev', 'lo'));
  return lo.addr_info.filter(({ label }: { label?: string }) => label === 'lo:syscribe');
}

function links(): string[] {
  const all: { ifname: string }[] = JSON.parse(ip('-j', 'link', 'show'));
  return all.map(({ ifname }) => ifname).filter((name) => name.startsWith('syscribe'));
}

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}
