import { readdirSync, readFileSync } from 'node:fs';

type Part = 'agent' | 'operator' | 'webhook';

/** What each process of this machine was started as. */
export function commands(): { pid: number; words: string[] }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [{ pid: Number(pid), words: readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') }];
      } catch {
        return []; // It has ended.
      }
    });
}

/** The processes of a part, as the host sees them. */
function processesOf(part: Part): number[] {
  return commands()
    .filter(({ words }) => words.includes(part) && words.some((word) => word.endsWith('/bundle/bin.mjs')))
    .map(({ pid }) => pid);
}

/** @returns how many there were. */
export function killPart(part: Part): number {
  const pids = processesOf(part);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  return pids.length;
}
