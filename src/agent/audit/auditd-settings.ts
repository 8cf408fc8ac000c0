import { readFileSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const MIB = 1 << 20;
/** So much, MiB, may be written before anybody has reacted, where auditd does not rotate: about a minute and a half of what the rate limit allows. */
const MARGIN = 512;
/** auditd's own defaults. */
const DIRECTORY = '/etc/audit';
const LOG = '/var/log/audit/audit.log';

/** What of a node's auditd matters to whoever makes it write a lot. */
export interface AuditdSettings {
  /** Where they stand, for people. */
  readonly path: string;
  /** By name; names in small letters, and words. */
  readonly values: ReadonlyMap<string, string>;
  /** Bytes of the log's file system, and those of them that are free. */
  readonly space: { readonly size: number; readonly free: number };
}

/** Why its log should not be read, and what to do. */
export interface Danger {
  readonly message: string;
  readonly remedy: string;
}

/**
 * The settings of a running auditd, through its own root directory: nothing of the host's has to be mounted for that.
 * @throws the file system's error where they, or the log's file system, may not be looked at.
 */
export function readAuditdSettings(pid: number, proc = '/proc'): AuditdSettings {
  const root = join(proc, `${pid}`, 'root');
  const args = readFileSync(join(proc, `${pid}`, 'cmdline'), 'utf8').split('\0');
  const option = args.indexOf('-c');
  const path = join((option === -1 ? undefined : args[option + 1]) ?? DIRECTORY, 'auditd.conf');
  const values = parseAuditdSettings(readFileSync(join(root, path), 'utf8'));
  const log = values.get('log_file') ?? LOG;
  const { bsize, blocks, bavail } = statfsSync(join(root, dirname(log)));
  return { path, values, space: { size: blocks * bsize, free: bavail * bsize } };
}

/** `name = value` a line, as auditd.conf(5) has it; names and words in any case, paths as they are. */
export function parseAuditdSettings(text: string): Map<string, string> {
  const settings = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (name !== '') settings.set(name.toLowerCase(), value.startsWith('/') ? value : value.toLowerCase());
  }
  return settings;
}

const ACTIONS = ['space_left_action', 'admin_space_left_action', 'disk_full_action', 'disk_error_action'] as const;

/** What a flood of records could do to the node, or to its audit; undefined: nothing that it would not bear. */
export function dangerOf({ path, values, space }: AuditdSettings): Danger | undefined {
  const bpf = 'or use recorder Bpf';
  for (const name of ACTIONS) {
    const action = values.get(name)?.split(/\s/)[0];
    if (action !== 'halt' && action !== 'single') continue;
    const does = action === 'halt' ? 'shuts the node down' : 'takes the node to single user mode';
    return {
      message: `auditd ${does} when its disk is full or fails (${name} = ${action} in ${path})`,
      remedy: `Set it to suspend, syslog or rotate, ${bpf}.`,
    };
  }
  if (values.get('max_log_file_action') === 'suspend')
    return {
      message: `auditd stops writing when its file is full (max_log_file_action = suspend in ${path})`,
      remedy: `Set it to rotate, ${bpf}.`,
    };
  if (values.get('write_logs') === 'no') return undefined;
  const kept = Math.max(megabytes(values, 'space_left', space.size), megabytes(values, 'admin_space_left', space.size));
  const needed = kept + growthOf(values);
  const free = Math.floor(space.free / MIB);
  if (free >= needed) return undefined;
  return {
    message: `there is no room for what recording logs: ${free} MiB are free where auditd writes, ${needed} are needed (${kept} of them by space_left in ${path})`,
    remedy: `Make room, ${bpf}.`,
  };
}

/** MiB that the log may grow by before anybody has reacted. */
function growthOf(values: AuditdSettings['values']): number {
  if (values.get('max_log_file_action') !== 'rotate') return MARGIN;
  const [files, size] = ['num_logs', 'max_log_file'].map((name) => Number(values.get(name) ?? 0)) as [number, number];
  return Math.min(files * size || MARGIN, MARGIN);
}

/** MiB, or per cent of the file system. */
function megabytes(values: AuditdSettings['values'], name: string, size: number): number {
  const match = /^(\d+)(%?)$/.exec(values.get(name) ?? '');
  if (!match) return 0;
  return match[2] === '%' ? Math.floor((Number(match[1]) / 100) * (size / MIB)) : Number(match[1]);
}
