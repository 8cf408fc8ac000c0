import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { type LoadOptions, type NativeRecorder, native, type StartOptions } from '../../src/capture/native.ts';

/** Whether this process runs with the sanitized addon: test/native/run.sh preloads its library. */
export const SANITIZED = (process.env.LD_PRELOAD ?? '').includes('libasan');

export const LOAD: LoadOptions = {
  slots: 2,
  slotMembers: 8,
  parents: 2,
  ringBytes: 1 << 16,
  hierarchy: 0,
  controller: '',
  hostMountNamespace: 0,
  reportProcesses: false,
  nameCgroups: false,
  failTags: 0,
  pin: '',
};

export const START: StartOptions = {
  files: ['/bin/true'],
  argv: ['true'],
  env: [],
  changeUser: false,
  uid: 0,
  gid: 0,
  groups: [],
  filter: null,
  filterFlags: 0,
  noNewPrivileges: false,
  loginUid: 0xffffffff,
};

export const FILTER = {
  defaultAction: 0x00050001,
  architectures: [process.arch === 'arm64' ? 0xc00000b7 : 0xc000003e],
  rules: [{ name: 'read', action: 0x7fff0000, args: [] }],
} as const;

/** All but the cgroups' ones, which are attached alike. */
export const PROGRAMS = ['syscribe_exit', 'syscribe_exec', 'syscribe_fork', 'syscribe_enter'] as const;

/** A recorder that listens to calls of this machine's every task. */
export function listening(onEvents: (events: Buffer) => void = () => {}): NativeRecorder {
  const recorder = native().load(LOAD);
  native().listen(recorder, onEvents);
  for (const program of PROGRAMS) native().attach(recorder, program);
  return recorder;
}

/** A command that has been started, let go and waited for. */
export async function finish(options: Partial<StartOptions> = {}): Promise<{
  pid: number;
  executed: readonly [stage: number, errno: number];
  exited: readonly [code: number, signal: number];
}> {
  const executed = Promise.withResolvers<readonly [number, number]>();
  const exited = Promise.withResolvers<readonly [number, number]>();
  const { child, pid } = native().start(
    { ...START, ...options },
    (...result) => executed.resolve(result),
    (...result) => exited.resolve(result),
  );
  native().go(child);
  const outcome = { pid, executed: await executed.promise, exited: await exited.promise };
  native().release(child);
  return outcome;
}

/** What each open descriptor of this process is. */
export function descriptors(): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // The one that read the directory.
    }
  });
}

/** Ids of the BPF objects that this process holds by a descriptor: `map 12`, `prog 34`, `link 5`. */
export function heldBpf(): string[] {
  return readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    try {
      const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
      return [...info.matchAll(/^(map|prog|link)_id:\s*(\d+)$/gm)].map(([, kind, id]) => `${kind} ${id}`);
    } catch {
      return [];
    }
  });
}

/** Those of `ids` (as {@link heldBpf} gives them) that the kernel still has. */
export function alive(ids: Iterable<string>): string[] {
  const env = { ...process.env, LD_PRELOAD: '', PATH: `${process.env.PATH}:/usr/sbin` };
  const existing = new Set(
    ['map', 'prog', 'link'].flatMap((kind) => {
      const { stdout, error } = spawnSync('bpftool', ['-j', kind, 'show'], { encoding: 'utf8', env });
      if (error) throw error;
      return (JSON.parse(stdout) as { id: number }[]).map(({ id }) => `${kind} ${id}`);
    }),
  );
  return [...ids].filter((id) => existing.has(id));
}

/** State letters (proc_pid_stat(5)) of this process's children by pid. */
export function children(): Map<number, string> {
  const found = new Map<number, string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [state = '', parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
      if (Number(parent) === process.pid) found.set(Number(pid), state);
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

export function residentMegabytes(): number {
  return process.memoryUsage.rss() / 2 ** 20;
}
