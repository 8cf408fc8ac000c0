import { readdirSync, readFileSync } from 'node:fs';

/**
 * Ends what a run that was stopped has left: an auditd of a test, for example, is in no process group of the run, and keeps the machine's
 * audit log from whoever reads it next.
 * @param variable `NAME=value` that the run gave to all that it started, and nobody else.
 * @returns the ids of the processes that were told to end.
 */
export function endLeftovers(variable: string): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.filter((pid) => has(pid, variable) && end(Number(pid))).map(Number);
}

function has(pid: string, variable: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(variable);
  } catch {
    // It has ended, or is another user's.
    return false;
  }
}

function end(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGTERM');
  } catch {
    return false;
  }
}
