import { existsSync } from 'node:fs';
import { SyscribeError } from '../../platform/errors.ts';
import { AUDIT_LOG, AutoSource, SYSLOGS } from './auto-source.ts';
import { FileSource } from './file-source.ts';
import type { Start } from './log-file.ts';
import { prove } from './marker.ts';
import { NetlinkSource } from './netlink-source.ts';
import type { AuditSource } from './source.ts';

export const SOURCES = ['auto', 'file', 'netlink', 'syslog'] as const;

export interface SourceChoice {
  readonly source: (typeof SOURCES)[number];
  /** The log, where it is not auditd's or the system's own. */
  readonly file?: string;
  readonly start?: Start;
  /** Read what is there and end. */
  readonly once?: boolean;
  readonly say?: (text: string) => void;
}

/**
 * The source that was chosen, proved where it is the system's own: the multicast group is silent outside the initial
 * network namespace, a file outside of the host's mounts, or without auditd.
 * @throws SyscribeError ERR_AUDIT_SOURCE when it stays silent, ERR_USAGE for a choice that makes no sense.
 */
export async function openSource(choice: SourceChoice, signal: AbortSignal): Promise<AuditSource> {
  const { source, file, start = 'end', once = false, say = () => {} } = choice;
  if (source === 'netlink') return openNetlink(choice, signal);
  const path = file ?? (source === 'syslog' ? SYSLOGS.find((candidate) => existsSync(candidate)) : AUDIT_LOG);
  if (path === undefined)
    throw new SyscribeError('ERR_AUDIT_SOURCE', `there is no ${SYSLOGS.join(', ')}`, {
      remedy: 'Start a syslog daemon, name its file with --file, or use another source.',
    });
  if (source === 'auto' && file === undefined && !once) return new AutoSource({ start, say });
  const kind = source === 'syslog' ? 'syslog' : 'file';
  if (once && !existsSync(path))
    throw new SyscribeError('ERR_FILE_READ', `there is no ${path}`, {
      remedy: 'Name the log with --file; without auditd there is none.',
    });
  if (!once && file === undefined && !(await prove(new FileSource(path), signal)))
    say(`${path} stays silent: a logged call of our own did not arrive within a second; is auditd running?`);
  // Before it is said: what is written from then on is read, even if the log is renamed at once.
  const log = new FileSource(path, { kind, start, once });
  if (!once) say(`reading ${path}`);
  return log;
}

async function openNetlink(
  { start = 'end', once, file, say = () => {} }: SourceChoice,
  signal: AbortSignal,
): Promise<AuditSource> {
  if (start !== 'end' || once || file !== undefined)
    throw new SyscribeError('ERR_USAGE', 'netlink has no past and no file', {
      remedy: 'Leave away --file, --from-start, --since and --once, or choose --source file.',
    });
  const netlink = new NetlinkSource();
  if (await prove(new NetlinkSource(), signal)) {
    say(`reading ${netlink.label}`);
    return netlink;
  }
  netlink[Symbol.dispose]();
  throw new SyscribeError('ERR_AUDIT_SOURCE', "the kernel's audit multicast group stays silent here", {
    remedy: 'Run in the initial network namespace, with "log" in /proc/sys/kernel/seccomp/actions_logged.',
  });
}
