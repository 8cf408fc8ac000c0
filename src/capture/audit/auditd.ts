import { readdirSync, readFileSync } from 'node:fs';
import { auditStatus } from './socket.ts';

/** auditd's process, by the kernel's word where it may be asked, else by the names of processes; undefined where it does not run. */
export function findAuditd(): number | undefined {
  const status = auditStatus();
  if (status) return status.pid === 0 ? undefined : status.pid;
  const pid = readdirSync('/proc').find((name) => /^\d+$/.test(name) && commOf(name) === 'auditd');
  return pid === undefined ? undefined : Number(pid);
}

function commOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return ''; // Gone.
  }
}
